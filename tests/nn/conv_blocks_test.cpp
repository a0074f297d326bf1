#include "nn/conv_blocks.h"

#include "kernels/bf16_products.h"
#include "kernels/modulated_norm.h"
#include "nn/cosine_heads.h"
#include "nn/linear_layer.h"
#include "support/tensors.h"
#include "support/test.h"

using namespace arzoo;
using test::worst;

namespace {

void randomise(torch::nn::Module& module) {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : module.parameters()) parameter.normal_().mul_(0.3);
}

}  // namespace

TEST_CASE("group normalisation in one pass equals LibTorch's, far from zero too") {
  const auto [channels, size, offset] =
      GENERATE(table<int64_t, int64_t, double>({{32, 3, 0.0}, {64, 7, 3.0}, {160, 23, -1000.0}}));
  torch::manual_seed(1);
  nn::GroupNorm norm(channels);
  randomise(norm);
  const auto x = at::randn({2, channels, size, size}) + offset;
  const auto plain = norm.forward(x), active = norm.silu(x);
  const torch::NoGradGuard no_grad;
  const double allowed = offset < -100.0 ? 5e-3 : 1e-5;
  CHECK(worst(norm.forward(x), plain) < allowed);
  CHECK(worst(norm.silu(x), active) < allowed);
  CHECK(worst(norm.silu(x.to(at::kBFloat16)), active) < (offset == 0.0 ? 0.03 : 1e9));
}

TEST_CASE("the blocks compute the same in inference and under autograd") {
  torch::manual_seed(2);
  nn::ResBlock residual(32, 64);
  nn::AttnBlock attention(64);
  nn::Downsample down(64);
  nn::Upsample up(64);
  for (torch::nn::Module* part :
       {static_cast<torch::nn::Module*>(&residual), static_cast<torch::nn::Module*>(&attention),
        static_cast<torch::nn::Module*>(&down), static_cast<torch::nn::Module*>(&up)})
    nn::initialise_convolutions(*part);
  const auto x = at::randn({2, 32, 6, 8});
  const auto run = [&] { return up.forward(down.forward(attention.forward(residual.forward(x)))); };
  const auto expected = run();
  CHECK(expected.sizes() == at::IntArrayRef({2, 64, 6, 8}));
  const torch::NoGradGuard no_grad;
  CHECK(worst(run(), expected) < 1e-5);
}

TEST_CASE("packed layers compute what they computed before, in either type") {
  const auto type = GENERATE(at::kFloat, at::kBFloat16);
  torch::manual_seed(5);
  auto parts = std::make_shared<torch::nn::Module>();
  auto up = parts->register_module("up", std::make_shared<nn::Upsample>(64));
  auto block = parts->register_module("block", std::make_shared<nn::ResBlock>(64, 32));
  auto layer = parts->register_module("layer", std::make_shared<nn::LinearLayer>(32, 40));
  nn::initialise_convolutions(*parts);
  randomise(*layer);
  const auto x = at::randn({2, 64, 5, 3});
  const torch::NoGradGuard no_grad;
  const auto run = [&](at::ScalarType as) {
    const auto image = block->forward(up->forward(x.to(as).contiguous(at::MemoryFormat::ChannelsLast)));
    return layer->forward(image.permute({0, 2, 3, 1}), kernels::Activation::gelu_tanh).to(at::kFloat);
  };
  const auto expected = run(at::kFloat);
  CHECK(expected.sizes() == at::IntArrayRef({2, 10, 6, 40}));
  parts->to(type);
  kernels::pack_for_inference(*parts);
  const double allowed = (type == at::kFloat ? 1e-5 : 0.03) * expected.abs().max().item<double>();
  CHECK(worst(run(type), expected) < allowed);
  CHECK(worst(run(type), expected) < allowed);
  // Without bf16 products layers stay as they are.
  CHECK((layer->weight().numel() == 0) == (type == at::kFloat || kernels::has_bf16_products()));
}

TEST_CASE("adaptive normalisation in one pass equals its definition, per sample and per token") {
  const int64_t width = GENERATE(5, 16, 100), tokens = GENERATE(1, 7);
  torch::manual_seed(3);
  const auto x = at::randn({2, 7, width}) + 2.0, branch = at::randn({2, 7, width});
  const auto table = [&] { return at::randn({2, tokens, width}); };
  const kernels::Modulation modulation{table(), table()};
  const auto gate = table();
  const auto define = [&](const at::Tensor& y) {
    return at::layer_norm(y, {width}, {}, {}, 1e-6) * (1.0 + modulation.scale) + modulation.shift;
  };
  const torch::NoGradGuard no_grad;
  CHECK(worst(kernels::modulated_norm(x, modulation, 1e-6, at::kFloat), define(x)) < 1e-5);
  CHECK(worst(kernels::modulated_norm(x, modulation, 1e-6, at::kBFloat16), define(x)) < 0.08);
  const auto sum = x + branch * gate;
  auto residual = x.clone();
  CHECK(worst(kernels::gated_modulated_norm(residual, branch, gate, modulation, 1e-6, at::kFloat),
              define(sum)) < 2e-5);
  CHECK(worst(residual, sum) < 1e-6);
}

TEST_CASE("cosine heads go to the cache and their queries are scaled") {
  const auto type = GENERATE(at::kFloat, at::kBFloat16);
  torch::manual_seed(4);
  const int64_t heads = 3, width = 10;
  const auto factors = at::tensor({1.0F, 2.0F, 5.0F});
  nn::KvCache cache(2);
  std::vector<at::Tensor> all_keys;
  const torch::NoGradGuard no_grad;
  for (const int64_t tokens : {1, 4}) {
    auto qkv = at::randn({2, tokens, 3 * heads * width}).to(type);
    const auto parts = qkv.clone().view({2, tokens, 3, heads, width}).to(at::kFloat);
    const auto q = nn::cache_cosine_heads(qkv, factors, cache);
    const double allowed = type == at::kFloat ? 1e-5 : 0.04;
    const auto part = [&](int64_t i) { return parts.select(2, i).transpose(1, 2); };
    CHECK(worst(q, nn::unit_vectors(part(0)) * factors.view({3, 1, 1})) < allowed);
    const auto kept = cache.first(cache.length());
    const auto last = [&](const at::Tensor& x) { return x.narrow(2, x.size(2) - tokens, tokens); };
    CHECK(worst(last(kept.first), nn::unit_vectors(part(1))) < allowed);
    CHECK(worst(last(kept.second), part(2)) < allowed);
  }
  CHECK(cache.length() == 5);
}
