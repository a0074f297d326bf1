#include "image/mar_sampling.h"

#include <torch/torch.h>

#include "image/latent_tokens.h"

namespace arzoo::image {
namespace {

constexpr double kPublishedCfg = 2.9;
constexpr int64_t kPublishedSteps = 64;

/// Each order with the tokens that are to be drawn first, those that are known behind them.
at::Tensor unknown_first(const at::Tensor& orders, const at::Tensor& known) {
  const auto is_known = known.to(orders.device()).index_select(0, orders.flatten()).view(orders.sizes());
  return orders.gather(1, std::get<1>(is_known.to(at::kInt).sort(/*stable=*/std::optional<bool>(true), 1)));
}

}  // namespace

nn::MaskedSampling mar_sampling(const runtime::ImageSampling& asked, const SamplingDefaults& defaults) {
  nn::MaskedSampling sampling;
  sampling.num_iter = asked.steps.value_or(defaults.steps.value_or(kPublishedSteps));
  sampling.cfg = asked.cfg.value_or(defaults.cfg.value_or(kPublishedCfg));
  sampling.linear_cfg = (asked.cfg_schedule.empty() ? defaults.cfg_schedule : asked.cfg_schedule) == "linear";
  sampling.temperature = asked.temperature.empty() ? defaults.temperature : asked.temperature.front();
  sampling.num_sampling_steps = asked.denoising_steps.value_or(defaults.denoising_steps);
  sampling.clip = defaults.clip;
  return sampling;
}

at::Tensor sample_mar_latents(const Mar& model, const at::Tensor& labels, const std::vector<uint64_t>& seeds,
                              const nn::MaskedSampling& sampling, const KnownLatents* known,
                              const LatentWatcher& watcher) {
  const torch::NoGradGuard no_grad;
  const int64_t side = model.options().side(), patch = model.options().patch_size;
  nn::SeededMaskedNoise noise(seeds);
  nn::MaskedRequest request{.condition = model.condition(labels),
                            .orders = noise.orders(side * side).to(labels.device()),
                            .known = {},
                            .masked = -1,
                            .observer = nullptr};
  if (known != nullptr) {
    request.known = known->tokens.expand({labels.size(0), -1, -1});
    request.orders = unknown_first(request.orders, known->known);
    request.masked = known->known.logical_not().sum().item<int64_t>();
  }
  if (watcher)
    request.observer = [&](const nn::MaskedStep& step) {
      watcher(step.step, unpatchified(step.tokens, side, patch));
    };
  return unpatchified(nn::sample_masked_tokens(model, request, sampling, noise), side, patch);
}

}  // namespace arzoo::image
