#include "image/himar_generator.h"

#include <torch/torch.h>

#include "image/latent_parts.h"
#include "image/latent_tokens.h"

namespace arzoo::image {
namespace {

bool any_unknown(const KnownLatents& latents) { return latents.known.logical_not().any().item<bool>(); }

}  // namespace

HiMarGenerator::HiMarGenerator(const LatentParts<HiMar>& parts, const Json& asked,
                               const runtime::Compute& compute)
    : LatentGenerator(parts.vae, compute),
      model_(parts.model),
      sampling_(himar_sampling(asked, parts.defaults, parts.model->options().cond_scale)) {
  prepare(parts.found, *model_, model_->options().img_size, compute);
  model_->prepare();
  settings_["cfg"] = sampling_.cfg;
  settings_["pivot_cfg"] = sampling_.pivot_cfg;
  settings_["cfg_schedule"] = sampling_.linear_cfg ? "linear" : "constant";
  settings_["steps"] = sampling_.steps;
  settings_["pivot_steps"] = sampling_.pivot_steps;
  settings_["denoising_steps"] = sampling_.sampling_steps;
  settings_["pivot_denoising_steps"] = sampling_.pivot_sampling_steps;
  settings_["temperature"] = sampling_.temperature;
  settings_["denoising_solver"] = nn::name_of(sampling_.solver);
  if (sampling_.clip > 0.0) settings_["clip"] = sampling_.clip;
}

int64_t HiMarGenerator::pivot_steps() const {
  return known_ == nullptr || any_unknown(known_->pivots) ? sampling_.pivot_steps : 0;
}

int64_t HiMarGenerator::dense_steps() const {
  return known_ == nullptr || any_unknown(known_->dense) ? sampling_.steps : 0;
}

std::optional<int64_t> HiMarGenerator::preview_step() const {
  return pivot_steps() > 0 ? std::optional(pivot_steps() - 1) : std::nullopt;
}

KnownLatents HiMarGenerator::known_of(const at::Tensor& pixels, const at::Tensor& painted,
                                      int64_t side) const {
  const auto share = at::adaptive_avg_pool2d(painted, {side, side}).flatten();
  const auto mean = nn::DiagonalGaussian::of_moments(vae_->moments(pixels), 1).mean * vae_->latent_scale();
  return {tokens_of_grid(mean), share.lt(0.5)};
}

void HiMarGenerator::edit(const at::Tensor& picture, const at::Tensor& paint) {
  const torch::NoGradGuard no_grad;
  const auto& options = model_->options();
  const auto pixels = picture.to(device_);
  const auto painted = paint.to(at::kFloat).view({1, 1, paint.size(0), paint.size(1)}).to(device_);
  known_ = std::make_unique<KnownHiMarLatents>(KnownHiMarLatents{
      known_of(resized_for_pivots(pixels, options.pivot_pixels()), painted, options.cond_scale),
      known_of(pixels, painted, options.side())});
  edit_ = std::make_unique<Edit>(Edit{known_->dense, pixels.add(1.0).mul_(0.5), painted.gt(0.5)});
}

at::Tensor HiMarGenerator::latents(const runtime::ImageBatch& batch, const LatentWatcher& watcher) const {
  // Where all pivots are given, the watcher hears of the dense tokens' steps from 0 on.
  const int64_t skipped = sampling_.pivot_steps - pivot_steps();
  return sample_himar_latents(
             *model_, batch.labels.to(device_), batch.seeds, sampling_, known_.get(),
             [&](int64_t step, const at::Tensor& latents) { watcher(step - skipped, latents); })
      .dense;
}

bool is_himar(const std::filesystem::path& path) { return find_model(path, "").name == HiMarOptions::kName; }

std::unique_ptr<runtime::ImageGenerator> open_himar_generator(const runtime::ImageSource& source,
                                                              const Json& sampling,
                                                              const runtime::Compute& compute) {
  const auto found = found_alone<HiMarOptions>(source);
  return std::make_unique<HiMarGenerator>(
      open_parts(found, source, compute.dtype, &himar_options_of, &load_himar), sampling, compute);
}

std::unique_ptr<runtime::ImageGenerator> random_himar_generator(const std::vector<Config>& models,
                                                                std::optional<int64_t>, const Json& sampling,
                                                                const runtime::Compute& compute,
                                                                const Json& defaults) {
  return std::make_unique<HiMarGenerator>(
      random_parts<HiMar, HiMarOptions>(models.front(), compute.dtype, defaults), sampling, compute);
}

}  // namespace arzoo::image
