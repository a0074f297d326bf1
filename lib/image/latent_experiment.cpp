#include "image/latent_experiment.h"

#include <torch/torch.h>

#include <ATen/CPUGeneratorImpl.h>

#include "core/seeded_random.h"
#include "image/latent_files.h"
#include "image/model_folder.h"
#include "image/picture_report.h"
#include "image/trained_tokenizer.h"

namespace arzoo::image {
namespace {

/// Pictures whose latents are measured.
constexpr int64_t kMeasured = 1000;

}  // namespace

LatentExperiment::LatentExperiment(const Config& config, const runtime::Compute& compute, int64_t pixels,
                                   const KlVaeOptions& vae)
    : PictureExperiment(config, compute, pixels),
      seed_(config.json().at("seed").get<int64_t>()),
      vae_(load_kl_vae(vae, trained_tokenizer(config, vae, KlVaeOptions::of_training()))),
      moments_([this](const at::Tensor& images) { return vae_->moments(images); }, loader_, config, compute) {
  loader_.data().check_labels(config.at("model").at("class_num"));
  vae_->to(compute.device);
  if (vae.latent_scale == 0.0) vae_->set_latent_scale(measured_scale());
}

double LatentExperiment::measured_scale() {
  const auto posterior = nn::DiagonalGaussian::of_moments(moments_.some(kMeasured), 1);
  // The variance of a sample: that of the means plus the mean of the variances.
  const auto variance =
      posterior.mean.to(at::kDouble).var(/*unbiased=*/false) + posterior.logvar.to(at::kDouble).exp().mean();
  return 1.0 / variance.sqrt().item<double>();
}

LatentBatch LatentExperiment::training(int64_t batch) {
  const auto codes = moments_.training(batch);
  const auto posterior = nn::DiagonalGaussian::of_moments(codes.codes, 1);
  const auto noise = at::randn(posterior.mean.sizes()).to(compute_.device);
  return {codes.labels, posterior.sample(noise) * vae_->latent_scale()};
}

void LatentExperiment::each(runtime::Split split,
                            const std::function<void(const LatentBatch&, int64_t)>& visit) {
  int64_t number = 0;
  moments_.each(split, [&](const CodeBatch& codes) {
    visit({codes.labels, nn::DiagonalGaussian::of_moments(codes.codes, 1).mean * vae_->latent_scale()},
          number++);
  });
}

at::Generator LatentExperiment::evaluation_generator(int64_t batch) {
  constexpr uint64_t kEvaluation = 0x6576616cU;
  return at::make_generator<at::CPUGeneratorImpl>(splitmix64(kEvaluation + static_cast<uint64_t>(batch)));
}

void LatentExperiment::save(const std::filesystem::path& folder) {
  auto own = description(folder);
  own.model["vae"]["latent_scale"] = vae_->latent_scale();
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
