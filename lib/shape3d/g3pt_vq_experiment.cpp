#include "shape3d/g3pt_vq_experiment.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"
#include "shape3d/fixture.h"

namespace arzoo::shape3d {

G3ptVqExperiment::G3ptVqExperiment(const Config& config, const runtime::Compute& compute)
    : AutoencoderExperiment(config, compute, /*levels=*/1, Outlines()),
      model_(runtime::build_module<G3ptVq, G3ptVqOptions>(config.at("model"))) {
  model_->initialise();
  model_->to(compute.device);
}

runtime::Losses G3ptVqExperiment::loss(int64_t number) {
  return model_->loss(training_batch(number), number >= model_->options().continuous_batches);
}

}  // namespace arzoo::shape3d

namespace arzoo::runtime {

template <>
const ModelEntry& entry<shape3d::G3ptVqOptions>() {
  static const ModelEntry entry{
      .name = shape3d::G3ptVqOptions::kName,
      .build = &build_any<shape3d::G3ptVq, shape3d::G3ptVqOptions>,
      .experiment = &make_experiment<shape3d::G3ptVqExperiment>,
      .replays = {{"g3pt_tokenizer", shape3d::replay_g3pt_tokenizer}},
      .weights = {.fp32 = true},
  };
  return entry;
}

}  // namespace arzoo::runtime
