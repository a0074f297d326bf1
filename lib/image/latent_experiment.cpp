#include "image/latent_experiment.h"

#include <torch/torch.h>

#include <ATen/CPUGeneratorImpl.h>

#include "core/seeded_random.h"
#include "image/latent_files.h"
#include "image/latent_tokens.h"
#include "image/model_folder.h"
#include "image/picture_report.h"
#include "image/trained_tokenizer.h"

namespace arzoo::image {
namespace {

/// Pictures whose latents are measured.
constexpr int64_t kMeasured = 1000;

}  // namespace

LatentExperiment::LatentExperiment(const Config& config, const runtime::Compute& compute, int64_t pixels,
                                   const KlVaeOptions& vae, const LatentExtras& extras)
    : PictureExperiment(config, compute, pixels),
      seed_(config.json().at("seed").get<int64_t>()),
      extras_(extras),
      small_side_(extras.small_pixels / vae.downsampling()),
      side_(pixels / vae.downsampling()),
      vae_(load_kl_vae(vae, trained_tokenizer(config, vae, KlVaeOptions::of_training()))),
      moments_([this](const at::Tensor& images) { return codes_of(images); }, loader_, config, compute) {
  const auto model = config.at("model");
  if (model.has("class_num")) loader_.data().check_labels(model.at("class_num"));
  vae_->to(compute.device);
  if (vae.latent_scale == 0.0) vae_->set_latent_scale(measured_scale());
}

at::Tensor LatentExperiment::codes_of(const at::Tensor& images) const {
  const auto moments = vae_->moments(images);
  if (is_plain()) return moments;
  std::vector<at::Tensor> parts{moments.flatten(1)};
  if (small_side_ > 0)
    parts.push_back(vae_->moments(resized_for_pivots(images, extras_.small_pixels)).flatten(1));
  if (extras_.measure != nullptr) parts.push_back(extras_.measure(images));
  return at::cat(parts, 1);
}

at::Tensor LatentExperiment::dense_moments(const at::Tensor& codes) const {
  if (is_plain()) return codes;
  const int64_t channels = 2 * vae_->options().embed_dim;
  return codes.narrow(1, 0, channels * side_ * side_).reshape({-1, channels, side_, side_});
}

LatentBatch LatentExperiment::latents_of(
    const CodeBatch& codes, const std::function<at::Tensor(const nn::DiagonalGaussian&)>& pick) const {
  const double scale = vae_->latent_scale();
  const auto picked = [&](const at::Tensor& moments) {
    return pick(nn::DiagonalGaussian::of_moments(moments, 1)) * scale;
  };
  LatentBatch batch{codes.labels, picked(dense_moments(codes.codes))};
  const int64_t channels = 2 * vae_->options().embed_dim, dense = channels * side_ * side_,
                small = channels * small_side_ * small_side_;
  if (small_side_ > 0)
    batch.small =
        picked(codes.codes.narrow(1, dense, small).reshape({-1, channels, small_side_, small_side_}));
  if (extras_.measure != nullptr)
    batch.measured = codes.codes.narrow(1, dense + small, codes.codes.size(1) - dense - small);
  return batch;
}

at::Tensor LatentExperiment::measured_of_training() {
  const auto codes = moments_.some(kMeasured);
  const int64_t channels = 2 * vae_->options().embed_dim,
                moments = channels * (side_ * side_ + small_side_ * small_side_);
  return codes.narrow(1, moments, codes.size(1) - moments);
}

double LatentExperiment::measured_scale() {
  const auto posterior = nn::DiagonalGaussian::of_moments(dense_moments(moments_.some(kMeasured)), 1);
  // The variance of a sample: that of the means plus the mean of the variances.
  const auto variance =
      posterior.mean.to(at::kDouble).var(/*unbiased=*/false) + posterior.logvar.to(at::kDouble).exp().mean();
  return 1.0 / variance.sqrt().item<double>();
}

LatentBatch LatentExperiment::training(int64_t batch) {
  return latents_of(moments_.training(batch), [&](const nn::DiagonalGaussian& posterior) {
    return posterior.sample(at::randn(posterior.mean.sizes()).to(compute_.device));
  });
}

void LatentExperiment::each(runtime::Split split,
                            const std::function<void(const LatentBatch&, int64_t)>& visit) {
  int64_t number = 0;
  moments_.each(split, [&](const CodeBatch& codes) {
    visit(latents_of(codes, [](const nn::DiagonalGaussian& posterior) { return posterior.mean; }), number++);
  });
}

at::Generator LatentExperiment::evaluation_generator(int64_t batch) {
  constexpr uint64_t kEvaluation = 0x6576616cU;
  return at::make_generator<at::CPUGeneratorImpl>(splitmix64(kEvaluation + static_cast<uint64_t>(batch)));
}

void LatentExperiment::save(const std::filesystem::path& folder) {
  auto own = description(folder);
  own.model["vae"]["latent_scale"] = vae_->latent_scale();
  describe(own.model);
  own.sampling = sampling();
  runtime::save_model(own, model());
  Json tokenizer{{"name", KlVaeOptions::kName}};
  tokenizer.update(own.model["vae"]);
  own.path = folder / "vae";
  own.model = tokenizer;
  runtime::save_model(own, *vae_, model().parameters().front().scalar_type());
}

std::vector<ReportSection> LatentExperiment::showcase() {
  const int64_t shown = loader_.evaluation().shown;
  if (shown == 0) return {};
  const torch::NoGradGuard no_grad;
  model().eval();
  const auto labels = at::arange(shown, at::kLong).remainder_(classes()).to(compute_.device);
  const auto seeds = item_seeds(static_cast<uint64_t>(seed_), 0, static_cast<std::size_t>(shown));
  const auto pictures = vae_->decode(sample(labels, seeds)).add(1.0).div_(2.0).cpu();
  return {{"Samples",
           {report_grid(pictures, loader_.data().channels(), std::min(shown, classes()),
                        "one column per class, from class 0 on")}}};
}

}  // namespace arzoo::image
