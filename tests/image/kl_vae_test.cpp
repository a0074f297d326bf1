#include "support/tiny_latents.h"

using namespace arzoo;
using image::KlVae;

TEST_CASE("latents are decoded one picture at a time to the same, whatever their scale") {
  auto vae = test::tiny_model<KlVae>(test::tiny_kl_vae_options());
  const torch::NoGradGuard no_grad;
  const auto images = at::rand({2, 3, 10, 10}) * 2 - 1;
  const auto again = vae->reconstruct(images);
  CHECK(again.sizes() == images.sizes());
  const auto mean = nn::DiagonalGaussian::of_moments(vae->moments(images), 1).mean;
  vae->set_latent_scale(GENERATE(0.2325, 3.0));
  CHECK(at::allclose(vae->decode(mean * vae->latent_scale()), again, 1e-4, 1e-4));
  CHECK(at::allclose(vae->decode_unclamped(mean).clamp(-1, 1), again, 1e-4, 1e-4));
}

TEST_CASE("pictures of a size that does not fit are refused") {
  auto vae = test::tiny_model<KlVae>(test::tiny_kl_vae_options());
  CHECK_THROWS_AS(vae->moments(at::zeros({1, 3, 9, 10})), DataError);
  CHECK_THROWS_AS(vae->moments(at::zeros({1, 1, 10, 10})), DataError);
}
