#include "image/kl_vae_experiment.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "image/fixture.h"
#include "image/sample_metrics.h"
#include "runtime/model_entry.h"
#include "runtime/module_builder.h"

namespace arzoo::image {

KlVaeExperiment::KlVaeExperiment(const Config& config, const runtime::Compute& compute)
    : PictureExperiment(config, compute, model_options<KlVaeOptions>(config.at("model")).resolution),
      model_(runtime::build_module<KlVae, KlVaeOptions>(config.at("model"))) {
  model_->initialise();
  model_->to(compute.device);
}

runtime::Losses KlVaeExperiment::loss(int64_t batch) {
  const auto images = loader_.get(batch).images.to(compute_.device);
  const auto posterior = nn::DiagonalGaussian::of_moments(model_->moments(images), 1);
  const auto noise = at::randn(posterior.mean.sizes()).to(compute_.device);
  const auto again = model_->decode_unclamped(posterior.sample(noise));
  const auto l2 = at::mse_loss(again, images), l1 = at::l1_loss(again, images);
  const auto kl = posterior.kl().sum({1, 2, 3}).sum() / static_cast<double>(images.numel());
  const auto& options = model_->options();
  auto total = l2 + kl * options.kl_weight;
  if (options.l1_weight > 0) total = total + l1 * options.l1_weight;
  return {.total = total,
          .parts = {{"l2", l2.detach()}, {"l1", l1.detach()}, {"kl", kl.detach()}},
          .samples = static_cast<double>(images.size(0))};
}

runtime::Metrics KlVaeExperiment::evaluate(runtime::Split split) {
  if (loader_.evaluated(split).empty()) return {};
  model_->eval();
  std::vector<at::Tensor> errors, divergences;
  loader_.each(split, [&](const ImageBatch& batch) {
    const auto images = batch.images.to(compute_.device);
    const auto posterior = nn::DiagonalGaussian::of_moments(model_->moments(images), 1);
    const auto again = model_->decode_unclamped(posterior.mean).clamp(-1, 1);
    errors.push_back(squared_error(again, images).cpu());
    const auto numbers = static_cast<double>(posterior.mean[0].numel());
    divergences.push_back(posterior.kl().sum({1, 2, 3}).div(numbers).to(at::kDouble).cpu());
  });
  const auto squared = at::cat(errors);
  return {{"l2", squared.mean().item<double>()},
          {"psnr", signal_to_noise(squared, 2.0).mean().item<double>()},
          {"kl", at::cat(divergences).mean().item<double>()}};
}

std::vector<ReportSection> KlVaeExperiment::showcase() {
  return reconstructions([&](const at::Tensor& images) { return model_->reconstruct(images); });
}

}  // namespace arzoo::image

namespace arzoo::runtime {

template <>
const ModelEntry& entry<image::KlVaeOptions>() {
  static const ModelEntry entry{
      .name = image::KlVaeOptions::kName,
      .build = &build_any<image::KlVae, image::KlVaeOptions>,
      .experiment = &make_experiment<image::KlVaeExperiment>,
      .replays = {{"AutoencoderKL", image::replay_kl_vae}},
      .weights = {.fp32 = true},
  };
  return entry;
}

}  // namespace arzoo::runtime
