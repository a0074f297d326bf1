#include "nn/decoder.h"

#include "support/test.h"

using namespace arzoo;

namespace {

nn::DecoderOptions small() {
  nn::DecoderOptions options;
  options.n_embd = 12;
  options.n_layer = 2;
  options.n_head = 2;
  return options;
}

nn::GptBlocks blocks_of(const nn::DecoderOptions& options,
                        nn::GptBlocks::Layout layout = nn::GptBlocks::Layout::output_major) {
  torch::manual_seed(5);
  nn::GptBlocks blocks(options, 9, layout);
  blocks.initialise();
  // Wider than GPT-2's start, so that each part shows in the output.
  const torch::NoGradGuard no_grad;
  for (auto& parameter : blocks.parameters()) parameter.add_(0.3 * at::randn_like(parameter));
  return blocks;
}

/// One of each kind of part, and some together.
std::vector<nn::DecoderOptions> variants() {
  std::vector<nn::DecoderOptions> all(14, small());
  all[1].attention = "linear";
  all[2].attention = "mesa";
  all[3].feed_forward = "gated";
  all[4].feed_forward = "none";
  all[5].norm = "rms_norm";
  all[6].norm = "none";
  all[7].residual = "normalised";
  all[8].residual = "beside";
  all[9].positions = "rotary";
  all[9].bias = false;
  all[10].positions = "sinusoidal";
  all[10].head_dim = 3;
  all[10].n_inner = 5;
  all[10].feed_forward = "relu";
  all[11].feed_forward = "tanh";
  all[12].feed_forward = "softplus";
  all[13].feed_forward = "sofu";
  return all;
}

}  // namespace

TEST_CASE("no variant lets a token see a later one, and every parameter takes part") {
  const auto options = GENERATE(from_range(variants()));
  INFO(to_json(options).dump());
  const auto blocks = blocks_of(options);
  const auto x = at::randn({2, 7, 12});
  auto changed = x.clone();
  changed.select(1, 5).add_(at::randn({2, 12}));
  const auto before = blocks.forward(x), after = blocks.forward(changed);
  CHECK(at::allclose(before.narrow(1, 0, 5), after.narrow(1, 0, 5), 1e-5, 1e-6));
  CHECK((before - after).narrow(1, 5, 2).abs().min().item<double>() > 0.0);
  before.square().sum().backward();
  for (const auto& parameter : blocks.named_parameters()) {
    INFO(parameter.key());
    REQUIRE(parameter.value().grad().defined());
    CHECK(parameter.value().grad().abs().max().item<double>() > 0.0);
  }
}

TEST_CASE("a cache gives what a whole pass gives, with each kind of position") {
  auto options = small();
  options.positions = GENERATE(as<std::string>{}, "none", "learned", "sinusoidal", "rotary");
  const auto blocks = blocks_of(options);
  const torch::NoGradGuard no_grad;
  const auto x = at::randn({3, 8, 12});
  nn::DecoderCache cache(options.n_layer, 4);
  std::vector<at::Tensor> parts;
  for (const auto& [first, count] : std::vector<std::pair<int64_t, int64_t>>{{0, 3}, {3, 1}, {4, 4}})
    parts.push_back(blocks.forward(x.narrow(1, first, count), &cache));
  CHECK(at::allclose(at::cat(parts, 1), blocks.forward(x), 1e-5, 1e-5));
}

TEST_CASE("a cache is refused where attention does not know one") {
  auto options = small();
  options.attention = "linear";
  nn::DecoderCache cache(options.n_layer, 4);
  CHECK_THROWS_AS(blocks_of(options).forward(at::randn({1, 2, 12}), &cache), std::logic_error);
}

TEST_CASE("weights that lie as [in, out] are the same map") {
  const auto options = small();
  const auto usual = blocks_of(options);
  auto turned = blocks_of(options, nn::GptBlocks::Layout::input_major);
  const torch::NoGradGuard no_grad;
  const auto source = usual.named_parameters();
  for (auto& parameter : turned.named_parameters()) {
    const auto& value = source[parameter.key()];
    const bool is_map = value.dim() == 2 && parameter.key() != "wpe.weight";
    parameter.value().copy_(is_map ? value.t() : value);
  }
  const auto x = at::randn({2, 6, 12});
  CHECK(at::allclose(turned.forward(x), usual.forward(x), 1e-6, 1e-6));
}

TEST_CASE("a trace holds the embedded tokens, each block's output and its attention") {
  const auto blocks = blocks_of(small());
  const torch::NoGradGuard no_grad;
  nn::DecoderTrace trace;
  const auto x = at::randn({2, 6, 12});
  blocks.forward(x, nullptr, &trace);
  REQUIRE(trace.hidden.size() == 3);
  REQUIRE(trace.attention.size() == 2);
  CHECK(at::allclose(trace.hidden[0], x + blocks.weights().positions.narrow(0, 0, 6)));
  CHECK(at::allclose(trace.attention[1].sum(-1), at::ones({2, 2, 6})));
  CHECK(trace.attention[1].triu(1).abs().max().item<double>() == 0.0);
}

TEST_CASE("a feed-forward layer has the activation that its name says") {
  const auto kind = GENERATE(as<std::string>{}, "relu", "tanh", "softplus", "sofu");
  auto options = small();
  options.n_layer = 1;
  options.norm = "none";
  options.positions = "none";
  options.feed_forward = kind;
  torch::manual_seed(8);
  nn::DecoderWeights weights;
  weights.blocks.resize(1);
  auto& block = weights.blocks[0];
  block.qkv = {at::randn({36, 12}), {}};
  block.projection = {at::zeros({12, 12}), {}};
  block.up = {at::randn({48, 12}), at::randn({48})};
  block.down = {at::randn({12, 48}), {}};
  const auto x = at::randn({2, 3, 12});
  const auto hidden = at::linear(x, block.up.weight, block.up.bias);
  const auto activated = kind == "relu"       ? hidden.clamp_min(0)
                         : kind == "tanh"     ? hidden.tanh()
                         : kind == "softplus" ? hidden.exp().log1p()
                                              : hidden.softmax(-1) * hidden;
  CHECK(at::allclose(nn::decode(x, weights, options), x + at::matmul(activated, block.down.weight.t()), 1e-4,
                     1e-4));
}
