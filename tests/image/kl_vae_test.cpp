#include "support/tiny_latents.h"

using namespace arzoo;
using image::KlVae;

TEST_CASE(
    "a posterior's samples have its mean and standard deviation, and its divergence vanishes for the "
    "standard normal") {
  torch::manual_seed(3);
  const auto mean = at::full({1, 2, 64, 64}, 0.5), logvar = at::full({1, 2, 64, 64}, std::log(0.25));
  const image::LatentPosterior posterior(at::cat({mean, logvar}, 1));
  const auto sample = posterior.sample(at::randn(mean.sizes()));
  CHECK(sample.mean().item<double>() == Approx(0.5).margin(0.02));
  CHECK(sample.std().item<double>() == Approx(0.5).margin(0.02));
  const double per_number = 0.5 * (0.25 + 0.25 - 1.0 - std::log(0.25));
  CHECK(posterior.kl().item<double>() == Approx(per_number * 2 * 64 * 64).epsilon(1e-4));
  const image::LatentPosterior standard(at::zeros({1, 4, 3, 3}));
  CHECK(standard.kl().item<double>() == 0.0);
}

TEST_CASE("latents are decoded one picture at a time to the same, whatever their scale") {
  auto vae = test::tiny_model<KlVae>(test::tiny_kl_vae_options());
  const torch::NoGradGuard no_grad;
  const auto images = at::rand({2, 3, 10, 10}) * 2 - 1;
  const auto again = vae->reconstruct(images);
  CHECK(again.sizes() == images.sizes());
  const auto mean = image::LatentPosterior(vae->moments(images)).mean;
  vae->set_latent_scale(GENERATE(0.2325, 3.0));
  CHECK(at::allclose(vae->decode(mean * vae->latent_scale()), again, 1e-4, 1e-4));
  CHECK(at::allclose(vae->decode_unclamped(mean).clamp(-1, 1), again, 1e-4, 1e-4));
}

TEST_CASE("pictures of a size that does not fit are refused") {
  auto vae = test::tiny_model<KlVae>(test::tiny_kl_vae_options());
  CHECK_THROWS_AS(vae->moments(at::zeros({1, 3, 9, 10})), DataError);
  CHECK_THROWS_AS(vae->moments(at::zeros({1, 1, 10, 10})), DataError);
}
