#include "shape3d/vat_experiment.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"
#include "shape3d/fixture.h"

namespace arzoo::shape3d {

VatExperiment::VatExperiment(const Config& config, const runtime::Compute& compute)
    : AutoencoderExperiment(config, compute, /*levels=*/1, Outlines()),
      model_(runtime::build_module<Vat, VatOptions>(config.at("model"))) {
  model_->initialise();
  model_->to(compute.device);
}

void VatExperiment::prepare(int64_t batch) {
  const auto& options = model_->options();
  const int64_t begin = options.continuous_batches;
  if (batch < begin) return;
  const bool first = batch == begin;
  const bool due = options.revive_every > 0 && (batch - begin) % options.revive_every == 0;
  if (first || due)
    model_->revive(loader_.get(batch).shapes.clouds.to(compute_.device).levels.front(), /*all=*/first);
}

runtime::Losses VatExperiment::loss(int64_t number) {
  const auto& options = model_->options();
  const auto batch = training_batch(number);
  const auto noise =
      at::randn({batch.points.size(0), options.num_latents, options.embed_dim}).to(compute_.device);
  return model_->loss(batch, noise, number >= options.continuous_batches);
}

}  // namespace arzoo::shape3d

namespace arzoo::runtime {

template <>
const ModelEntry& entry<shape3d::VatOptions>() {
  static const ModelEntry entry{
      .name = shape3d::VatOptions::kName,
      .build = &build_any<shape3d::Vat, shape3d::VatOptions>,
      .experiment = &make_experiment<shape3d::VatExperiment>,
      .replays = {{"vat_tokenizer", shape3d::replay_vat}},
      .weights = {.fp32 = true},
  };
  return entry;
}

}  // namespace arzoo::runtime
