#include "image/mar_experiment.h"

#include <torch/torch.h>

#include <cmath>

#include "core/zoo.h"
#include "image/fixture.h"
#include "image/latent_generator.h"
#include "image/latent_tokens.h"
#include "image/mar_sampling.h"
#include "nn/seeded_noise.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"

namespace arzoo::image {
namespace {

MarOptions mar_options(const Config& config) { return model_options<MarOptions>(config.at("model")); }

/// Fixed random inputs: the number of masked tokens is halfway between the smallest and all.
nn::MaskedRandomInputs evaluation_random_inputs(const MarOptions& options, int64_t samples,
                                                at::Generator generator) {
  const int64_t length = options.side() * options.side(),
                rows = samples * length * options.diffusion_batch_mul;
  nn::MaskedRandomInputs random_inputs;
  random_inputs.orders = nn::random_orders(samples, length, generator);
  const double share = (1.0 + options.mask_ratio_min) / 2.0;
  random_inputs.masked = static_cast<int64_t>(std::ceil(share * static_cast<double>(length)));
  random_inputs.label_drop = at::ones({samples});
  random_inputs.t = at::randint(nn::DiffusionSchedule::kDiffusionSteps, {rows}, generator, at::kLong);
  random_inputs.noise = at::randn({rows, options.token_width()}, generator, at::kFloat);
  return random_inputs;
}

}  // namespace

MarExperiment::MarExperiment(const Config& config, const runtime::Compute& compute)
    : LatentExperiment(config, compute, mar_options(config).img_size, mar_options(config).vae),
      model_(runtime::build_module<Mar, MarOptions>(config.at("model"))) {
  model_->initialise();
  model_->to(compute.device);
}

runtime::Losses MarExperiment::loss(int64_t batch) {
  const auto latents = training(batch);
  const auto loss = model_->loss(patchified(latents.latents, model_->options().patch_size),
                                 model_->condition(latents.labels));
  return {.total = loss.mse + loss.vb,
          .parts = {{"mse", loss.mse.detach()}, {"vb", loss.vb.detach()}},
          .samples = static_cast<double>(latents.labels.size(0))};
}

runtime::Metrics MarExperiment::evaluate(runtime::Split split) {
  model_->eval();
  double mse = 0.0, vb = 0.0, pictures = 0.0;
  each(split, [&](const LatentBatch& batch, int64_t number) {
    const int64_t samples = batch.labels.size(0);
    const auto loss =
        model_->loss(patchified(batch.latents, model_->options().patch_size), model_->condition(batch.labels),
                     evaluation_random_inputs(model_->options(), samples, evaluation_generator(number)));
    mse += loss.mse.item<double>() * static_cast<double>(samples);
    vb += loss.vb.item<double>() * static_cast<double>(samples);
    pictures += static_cast<double>(samples);
  });
  if (pictures == 0.0) return {};
  return {{"loss", (mse + vb) / pictures}, {"mse", mse / pictures}, {"vb", vb / pictures}};
}

at::Tensor MarExperiment::sample(const at::Tensor& labels, const std::vector<uint64_t>& seeds) {
  return sample_mar_latents(*model_, labels, seeds, mar_sampling({}, sampling()));
}

}  // namespace arzoo::image

namespace arzoo::runtime {

template <>
const ModelEntry& entry<image::MarOptions>() {
  static const ModelEntry entry{
      .name = image::MarOptions::kName,
      .build = &build_any<image::Mar, image::MarOptions>,
      .experiment = &make_experiment<image::MarExperiment>,
      .images = {&image::is_mar, &image::open_mar_generator, &image::random_mar_generator},
      .replays = {{"MAR", image::replay_mar},
                  {"DiffLoss", image::replay_diffusion_head},
                  {"SpacedDiffusion", image::replay_diffusion_tables}},
  };
  return entry;
}

}  // namespace arzoo::runtime
