#include "image/himar_experiment.h"

#include <torch/torch.h>

#include <cmath>

#include "core/zoo.h"
#include "image/fixture.h"
#include "image/himar_generator.h"
#include "image/himar_sampling.h"
#include "image/latent_tokens.h"
#include "nn/seeded_noise.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"

namespace arzoo::image {
namespace {

HiMarOptions himar_options(const Config& config) { return model_options<HiMarOptions>(config.at("model")); }

/// Fixed random inputs: pivots are masked halfway between the smallest share and all, dense tokens by half.
HiMarRandomInputs fixed_random_inputs(const HiMarOptions& options, int64_t samples, at::Generator generator) {
  const int64_t pivots = options.pivots(), tokens = options.tokens(), channels = options.vae.embed_dim,
                rows = samples * pivots * options.diffusion_batch_mul,
                grids = samples * options.diffusion_batch_mul;
  HiMarRandomInputs random_inputs;
  random_inputs.pivot_orders = nn::random_orders(samples, pivots, generator);
  random_inputs.orders = nn::random_orders(samples, tokens, generator);
  const double share = (1.0 + options.mask_ratio_min) / 2.0;
  random_inputs.masked_pivots = static_cast<int64_t>(std::ceil(share * static_cast<double>(pivots)));
  random_inputs.masked = (tokens + 1) / 2;
  // Uniform numbers lie below 1: nobody loses the class, everybody sees pivots.
  random_inputs.pivot_label_drop = random_inputs.label_drop = at::ones({samples});
  random_inputs.pivot_drop = at::full({samples}, 2.0);
  const int64_t steps = nn::DiffusionSchedule::kDiffusionSteps;
  random_inputs.pivot_t = at::randint(steps, {rows}, generator, at::kLong);
  random_inputs.pivot_noise = at::randn({rows, channels}, generator, at::kFloat);
  random_inputs.t = at::randint(steps, {grids}, generator, at::kLong);
  random_inputs.noise = at::randn({grids, tokens, channels}, generator, at::kFloat);
  return random_inputs;
}

}  // namespace

HiMarExperiment::HiMarExperiment(const Config& config, const runtime::Compute& compute)
    : LatentExperiment(config, compute, himar_options(config).img_size, himar_options(config).vae,
                       {.small_pixels = himar_options(config).pivot_pixels()}),
      model_(runtime::build_module<HiMar, HiMarOptions>(config.at("model"))) {
  model_->initialise();
  model_->to(compute.device);
}

runtime::Losses HiMarExperiment::loss(int64_t batch) {
  const auto latents = training(batch);
  const auto loss = model_->loss(tokens_of_grid(latents.small), tokens_of_grid(latents.latents),
                                 model_->condition(latents.labels), batch / batches_per_epoch());
  return {.total = model_->total(loss),
          .parts = {{"pivots", loss.pivots.detach()}, {"dense", loss.dense.detach()}},
          .samples = static_cast<double>(latents.labels.size(0))};
}

runtime::Metrics HiMarExperiment::evaluate(runtime::Split split) {
  model_->eval();
  double total = 0.0, of_pivots = 0.0, dense = 0.0, pictures = 0.0;
  each(split, [&](const LatentBatch& batch, int64_t number) {
    const auto samples = batch.labels.size(0);
    const auto loss = model_->loss(
        tokens_of_grid(batch.small), tokens_of_grid(batch.latents), model_->condition(batch.labels),
        /*epoch=*/0, fixed_random_inputs(model_->options(), samples, evaluation_generator(number)));
    const auto weight = static_cast<double>(samples);
    total += model_->total(loss).item<double>() * weight;
    of_pivots += loss.pivots.item<double>() * weight;
    dense += loss.dense.item<double>() * weight;
    pictures += weight;
  });
  if (pictures == 0.0) return {};
  return {{"loss", total / pictures}, {"pivots", of_pivots / pictures}, {"dense", dense / pictures}};
}

at::Tensor HiMarExperiment::sample(const at::Tensor& labels, const std::vector<uint64_t>& seeds) {
  return sample_himar_latents(*model_, labels, seeds,
                              himar_sampling({}, sampling(), model_->options().cond_scale))
      .dense;
}

}  // namespace arzoo::image

namespace arzoo::runtime {

template <>
const ModelEntry& entry<image::HiMarOptions>() {
  static const ModelEntry entry{
      .name = image::HiMarOptions::kName,
      .build = &build_any<image::HiMar, image::HiMarOptions>,
      .experiment = &make_experiment<image::HiMarExperiment>,
      .images = {&image::is_himar, &image::open_himar_generator, &image::random_himar_generator},
      .replays = {{"HiMAR", image::replay_himar}, {"GlobalDiffLoss", image::replay_grid_head}},
  };
  return entry;
}

}  // namespace arzoo::runtime
