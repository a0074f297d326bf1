#include "shape3d/shape_vae_model.h"

#include "support/test.h"

#include "core/error.h"
#include "runtime/named_tensors.h"
#include "shape3d/farthest_points.h"
#include "shape3d/implicit_shape.h"
#include "shape3d/latent_surface.h"
#include "shape3d/outline.h"
#include "shape3d/point_tensor.h"
#include "shape3d/shape_data.h"

using namespace arzoo;
using namespace arzoo::shape3d;

namespace {

ShapeVaeOptions tiny_options() {
  ShapeVaeOptions options;
  options.width = 24;
  options.heads = 2;
  options.embed_dim = 6;
  options.num_freqs = 3;
  options.num_encoder_layers = 1;
  options.num_decoder_layers = 1;
  options.use_downsample = true;
  options.pyramid = true;
  return options;
}

/// A VAE whose field crosses zero often.
std::shared_ptr<ShapeVae> tiny_vae() {
  torch::manual_seed(3);
  auto vae = std::make_shared<ShapeVae>(tiny_options());
  vae->initialise();
  const torch::NoGradGuard no_grad;
  for (auto& parameter : vae->parameters()) parameter.add_(at::randn_like(parameter), 0.2);
  vae->eval();
  return vae;
}

SurfaceClouds clouds_of(const std::string& solid, int64_t points) {
  std::mt19937_64 random(1);
  return sample_clouds(tensor_of(sample_surface(make_solid(solid, 1, 0).surface(32), 2000, random)), points,
                       3, random);
}

}  // namespace

TEST_CASE("a shape's tokens are as many as the cloud's points say, a quarter for a quarter of the points") {
  const auto vae = tiny_vae();
  const torch::NoGradGuard no_grad;
  CHECK(vae->encode(clouds_of("mug", 256)).mean.sizes() == at::IntArrayRef({1, 32, 6}));
  CHECK(vae->encode(clouds_of("mug", 64)).mean.sizes() == at::IntArrayRef({1, 8, 6}));
}

TEST_CASE("points are answered alike alone, together and in any chunk") {
  const auto vae = tiny_vae();
  const torch::NoGradGuard no_grad;
  const auto latents = vae->read(vae->decode(at::randn({1, 16, 6})));
  const auto points = at::rand({1, 300, 3}) * 2 - 1;
  const auto together = vae->query(points, latents);
  const auto apart = at::cat(
      {vae->query(points.narrow(1, 0, 7), latents), vae->query(points.narrow(1, 7, 293), latents)}, 1);
  CHECK(at::allclose(together, apart, 1e-5, 1e-5));
}

TEST_CASE("inference and training agree, and bf16 with both as far as it can") {
  const auto vae = tiny_vae();
  const auto points = at::rand({1, 64, 3}) * 2 - 1, z = at::randn({1, 16, 6});
  const auto trained = vae->query(points, vae->read(vae->decode(z))).detach();
  const torch::NoGradGuard no_grad;
  CHECK(at::allclose(vae->query(points, vae->read(vae->decode(z))), trained, 1e-4, 1e-5));
  const auto weights = runtime::state_dict(*vae);
  auto half = std::make_shared<ShapeVae>(tiny_options());
  half->set_type(at::kBFloat16);
  runtime::load_strictly(*half, weights, "test");
  half->eval();
  const auto rounded = half->query(points, half->read(half->decode(z)));
  CHECK(rounded.scalar_type() == at::kFloat);
  CHECK((rounded - trained).abs().mean().item<double>() < 0.05 * trained.abs().mean().item<double>() + 0.02);
}

TEST_CASE("a decoded surface is closed, and the refined one is the dense one") {
  const auto vae = tiny_vae();
  const auto z = at::randn({1, 16, 6});
  const auto refined = latent_surface(*vae, z, {.resolution = 64});
  SurfaceOptions dense{.resolution = 64};
  dense.refinement.dense = true;
  const auto whole = latent_surface(*vae, z, dense);
  CHECK(whole.asked == 65 * 65 * 65);
  CHECK(refined.asked < whole.asked);
  const auto a = summarise(refined.mesh), b = summarise(whole.mesh);
  CHECK(a.triangles > 0);
  CHECK(a.is_watertight());
  CHECK(b.is_watertight());
  CHECK(a.volume == Approx(b.volume).epsilon(1e-3));
}

TEST_CASE("clouds that do not fit are refused") {
  const auto vae = tiny_vae();
  auto clouds = clouds_of("box", 64);
  clouds.levels.pop_back();
  CHECK_THROWS_WITH(vae->encode(clouds), ContainsSubstring("2 clouds of points, expected 3"));
  clouds = clouds_of("box", 64);
  clouds.levels[1] = clouds.levels[1].narrow(2, 0, 3);
  CHECK_THROWS_WITH(vae->encode(clouds), ContainsSubstring("expected [B, N, 6]"));
}

TEST_CASE("farthest points spread, and are the same however many clouds there are") {
  const auto points = at::rand({2, 200, 3});
  const auto start = at::tensor(std::vector<int64_t>{5, 9});
  const auto chosen = farthest_points(points, start, 20);
  CHECK(chosen[0][0].item<int64_t>() == 5);
  CHECK(at::equal(farthest_points(points.narrow(0, 1, 1), start.narrow(0, 1, 1), 20)[0], chosen[1]));
  const auto own = points[0].index_select(0, chosen[0]);
  const auto gaps = at::cdist(own, own) + at::eye(20) * 9;
  CHECK(gaps.min().item<double>() > 0.15);
  CHECK_THROWS_AS(farthest_points(points, at::tensor(std::vector<int64_t>{0, 200}), 2), DataError);
}

TEST_CASE("an outline does not depend on where in which picture the shape stands") {
  const auto sample = [](int64_t side, int64_t left, int64_t top, int64_t width, int64_t height) {
    io::Picture picture{.width = side, .height = side, .channels = 3};
    for (int64_t y = 0; y < side; ++y) {
      for (int64_t x = 0; x < side; ++x) {
        const bool inside = x >= left && x < left + width && y >= top && y < top + height;
        for (int c = 0; c < 3; ++c) picture.pixels.push_back(inside ? 120 : 255);
      }
    }
    return picture;
  };
  const auto a = framed_outline(sample(100, 10, 20, 40, 20), 16),
             b = framed_outline(sample(64, 30, 5, 20, 10), 16);
  CHECK(a.pixels == b.pixels);
  CHECK(outline_tensor(a).mean().item<double>() == Approx(0.405).margin(0.02));
  CHECK_THROWS_WITH(framed_outline(sample(8, 0, 0, 0, 0), 16), ContainsSubstring("all white"));
}
