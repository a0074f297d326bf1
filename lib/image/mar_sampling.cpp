#include "image/mar_sampling.h"

#include <torch/torch.h>

#include "image/latent_tokens.h"
#include "runtime/generation_options.h"

namespace arzoo::image {

at::Tensor unknown_first(const at::Tensor& orders, const at::Tensor& known) {
  const auto is_known = known.to(orders.device()).index_select(0, orders.flatten()).view(orders.sizes());
  return orders.gather(1, std::get<1>(is_known.to(at::kInt).sort(/*stable=*/std::optional<bool>(true), 1)));
}

nn::MaskedSampling mar_sampling(const MarGenerationOptions& options) {
  nn::MaskedSampling sampling;
  sampling.num_iter = options.steps;
  sampling.cfg = options.cfg;
  sampling.linear_cfg = options.cfg_schedule == "linear";
  sampling.temperature = options.temperature;
  sampling.num_sampling_steps = options.denoising_steps;
  sampling.clip = options.clip;
  sampling.solver = nn::solver_of(options.denoising_solver);
  return sampling;
}

nn::MaskedSampling mar_sampling(const Json& asked, const Json& folder) {
  return mar_sampling(runtime::generation_options<MarGenerationOptions>(asked, folder, MarOptions::kName));
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
