#include "shape3d/shape_vae_experiment.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"
#include "shape3d/fixture.h"
#include "shape3d/shape_speed_work.h"
#include "shape3d/shape_vae_loss.h"

namespace arzoo::shape3d {

ShapeVaeExperiment::ShapeVaeExperiment(const Config& config, const runtime::Compute& compute)
    : AutoencoderExperiment(config, compute, model_options<ShapeVaeOptions>(config.at("model")).levels(),
                            Outlines()),
      model_(runtime::build_module<ShapeVae, ShapeVaeOptions>(config.at("model"))) {
  model_->initialise();
  model_->to(compute.device);
}

at::Tensor ShapeVaeExperiment::posterior_noise(const SurfaceClouds& clouds) const {
  const auto& finest = clouds.levels.front();
  const auto& options = model_->options();
  return at::randn({finest.size(0), options.tokens_of(finest.size(1)), options.embed_dim})
      .to(compute_.device);
}

runtime::Losses ShapeVaeExperiment::loss(int64_t number) {
  auto shapes = training_batch(number);
  auto losses = shape_vae_loss(*model_, shapes, posterior_noise(shapes.clouds));
  losses.samples = static_cast<double>(shapes.points.size(0));
  if (!loader_.data().options().low_res) return losses;
  shapes.clouds = loader_.get(number).low_res.to(compute_.device);
  const auto low = shape_vae_loss(*model_, shapes, posterior_noise(shapes.clouds));
  losses.total = 0.5 * (losses.total + low.total);
  for (const auto& [name, value] : low.parts) losses.parts.emplace_back(name + "_low", value);
  return losses;
}

}  // namespace arzoo::shape3d

namespace arzoo::runtime {

template <>
const ModelEntry& entry<shape3d::ShapeVaeOptions>() {
  static const ModelEntry entry{
      .name = shape3d::ShapeVaeOptions::kName,
      .build = &build_any<shape3d::ShapeVae, shape3d::ShapeVaeOptions>,
      .experiment = &make_experiment<shape3d::ShapeVaeExperiment>,
      .speed_work = &shape3d::make_field_work,
      .replays = {{"michelangelo-autoencoder", shape3d::replay_shape_vae_case}},
      .weights = {.fp32 = true},
  };
  return entry;
}

}  // namespace arzoo::runtime
