#include "shape3d/argus3d_vq_experiment.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"
#include "shape3d/fixture.h"

namespace arzoo::shape3d {

Argus3dVqExperiment::Argus3dVqExperiment(const Config& config, const runtime::Compute& compute)
    : AutoencoderExperiment(config, compute, /*levels=*/1, Outlines()),
      model_(runtime::build_module<Argus3dVq, Argus3dVqOptions>(config.at("model"))) {
  model_->initialise();
  model_->to(compute.device);
}

void Argus3dVqExperiment::prepare(int64_t batch) {
  const int64_t every = model_->options().revive_every;
  if (every == 0 || batch % every != 0) return;
  const auto clouds = loader_.get(batch).shapes.clouds.to(compute_.device);
  model_->revive(unit_cube(clouds.levels.front().narrow(2, 0, 3)), /*all=*/batch == 0);
}

runtime::Losses Argus3dVqExperiment::loss(int64_t number) {
  const auto shapes = training_batch(number);
  return model_->loss(unit_cube(shapes.clouds.levels.front().narrow(2, 0, 3)), unit_cube(shapes.points),
                      shapes.occupancies);
}

}  // namespace arzoo::shape3d

namespace arzoo::runtime {

template <>
const ModelEntry& entry<shape3d::Argus3dVqOptions>() {
  static const ModelEntry entry{
      .name = shape3d::Argus3dVqOptions::kName,
      .build = &build_any<shape3d::Argus3dVq, shape3d::Argus3dVqOptions>,
      .experiment = &make_experiment<shape3d::Argus3dVqExperiment>,
      .replays = {{"argus3d_stage1", shape3d::replay_argus3d_stage1}},
      .weights = {.fp32 = true},
  };
  return entry;
}

}  // namespace arzoo::runtime
