#include "nn/gpt_blocks.h"

#include "support/rerun_recorder.h"
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
  std::vector<nn::DecoderOptions> all(19, small());
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
  all[14].n_head = 4;
  all[14].n_kv_head = 2;
  all[15] = all[14];
  all[15].fused_by_head = true;
  all[15].positions = "rotary";
  all[15].head_dim = 4;
  all[15].rotary_part = 0.5;
  all[16].residual = "parallel";
  all[17].feed_forward = "squared_relu";
  all[18] = all[14];
  all[18].attention = "linear";
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
  options.n_kv_head = GENERATE(1, 2);
  const auto blocks = blocks_of(options);
  const torch::NoGradGuard no_grad;
  const auto x = at::randn({3, 8, 12});
  nn::DecoderCache cache(options.n_layer, 4);
  std::vector<at::Tensor> parts;
  for (const auto& [first, count] : std::vector<std::pair<int64_t, int64_t>>{{0, 3}, {3, 1}, {4, 4}})
    parts.push_back(blocks.forward(x.narrow(1, first, count), {.cache = &cache}));
  CHECK(at::allclose(at::cat(parts, 1), blocks.forward(x), 1e-5, 1e-5));
}

TEST_CASE("a cache is refused where attention does not know one") {
  auto options = small();
  options.attention = "linear";
  nn::DecoderCache cache(options.n_layer, 4);
  CHECK_THROWS_AS(blocks_of(options).forward(at::randn({1, 2, 12}), {.cache = &cache}), std::logic_error);
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
  blocks.forward(x, {.trace = &trace});
  REQUIRE(trace.hidden.size() == 3);
  REQUIRE(trace.blocks.size() == 2);
  CHECK(at::allclose(trace.hidden[0], x + blocks.weights().positions.narrow(0, 0, 6)));
  CHECK(at::allclose(trace.blocks[1].attention.sum(-1), at::ones({2, 2, 6})));
  CHECK(trace.blocks[1].attention.triu(1).abs().max().item<double>() == 0.0);
}

TEST_CASE("a feed-forward layer has the activation that its name says") {
  const auto kind =
      GENERATE(as<std::string>{}, "relu", "squared_relu", "quick_gelu", "tanh", "softplus", "sofu");
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
  const auto activated = kind == "relu"           ? hidden.clamp_min(0)
                         : kind == "squared_relu" ? hidden.clamp_min(0).pow(2)
                         : kind == "quick_gelu"   ? hidden * (1.702 * hidden).sigmoid()
                         : kind == "tanh"         ? hidden.tanh()
                         : kind == "softplus"     ? hidden.exp().log1p()
                                                  : hidden.softmax(-1) * hidden;
  CHECK(at::allclose(nn::Decoder(options).forward(x, weights),
                     x + at::matmul(activated, block.down.weight.t()), 1e-4, 1e-4));
}

TEST_CASE("grouped keys and values are those of a decoder that has each of them several times") {
  auto options = small();
  options.n_head = 4;
  options.n_kv_head = 2;
  const auto grouped = blocks_of(options);
  options.n_kv_head = 4;
  auto repeated = grouped.weights();
  for (auto& block : repeated.blocks) {
    const int64_t width = options.head_width();
    const auto apart = [&](const at::Tensor& fused) {
      const auto heads = fused.unflatten(0, {8, width});
      const auto twice = [&](int64_t first) { return heads.narrow(0, first, 2).repeat_interleave(2, 0); };
      return at::cat({heads.narrow(0, 0, 4), twice(4), twice(6)}).flatten(0, 1);
    };
    block.qkv = {apart(block.qkv.weight), apart(block.qkv.bias)};
  }
  const auto x = at::randn({2, 7, 12});
  CHECK(at::allclose(grouped.forward(x), nn::Decoder(options).forward(x, repeated), 1e-5, 1e-5));
}

TEST_CASE("parallel branches both read the block's input") {
  auto options = small();
  options.n_layer = 1;
  options.positions = "none";
  options.residual = "parallel";
  const auto weights = blocks_of(options).weights();
  const auto& block = weights.blocks.front();
  const auto x = at::randn({2, 5, 12});
  auto attention = options;
  attention.feed_forward = "none";
  nn::DecoderWeights without = weights;
  without.norm = {};
  without.blocks[0].projection = {at::zeros_like(block.projection.weight), {}};
  nn::DecoderWeights alone = weights;
  alone.norm = {};
  const auto sum = nn::Decoder(attention).forward(x, alone) + nn::Decoder(options).forward(x, without) - x;
  CHECK(at::allclose(nn::Decoder(options).forward(x, alone), sum, 1e-5, 1e-5));
}

TEST_CASE("rotary positions may turn a part of each head, whose rest does not know its place") {
  auto options = small();
  options.head_dim = 8;
  options.positions = "rotary";
  options.rotary_part = 0.3;
  CHECK(options.rotary_width() == 2);
  const auto blocks = blocks_of(options);
  const auto x = at::randn({1, 6, 12});
  const auto shifted = at::arange(100, 106);
  // Attention knows distances alone.
  CHECK(at::allclose(blocks.forward(x, {.position_ids = shifted}), blocks.forward(x), 1e-4, 1e-4));
  CHECK_FALSE(at::allclose(blocks.forward(x, {.position_ids = 3 * shifted}), blocks.forward(x), 1e-3, 1e-3));
}

TEST_CASE("padding on the left is not seen, with each kind of position, in a whole pass and with a cache") {
  auto options = small();
  options.positions = GENERATE(as<std::string>{}, "learned", "sinusoidal", "rotary");
  const auto blocks = blocks_of(options);
  const torch::NoGradGuard no_grad;
  const auto x = at::randn({2, 6, 12});
  const auto padded = at::cat({at::full({2, 2, 12}, 9.0), x}, 1);
  const auto mask = at::cat({at::zeros({2, 2}, at::kLong), at::ones({2, 6}, at::kLong)}, 1);
  const auto ids = (mask.cumsum(1) - 1).clamp_min(0);
  const auto expected = blocks.forward(x);
  const auto whole = blocks.forward(padded, {.attention_mask = mask, .position_ids = ids});
  CHECK(at::allclose(whole.narrow(1, 2, 6), expected, 1e-4, 1e-4));
  nn::DecoderCache cache(options.n_layer, 8);
  std::vector<at::Tensor> parts;
  for (const auto& [first, count] : std::vector<std::pair<int64_t, int64_t>>{{0, 5}, {5, 1}, {6, 2}}) {
    parts.push_back(
        blocks.forward(padded.narrow(1, first, count), {.cache = &cache,
                                                        .attention_mask = mask.narrow(1, 0, first + count),
                                                        .position_ids = ids.narrow(1, first, count)}));
  }
  CHECK(at::allclose(at::cat(parts, 1).narrow(1, 2, 6), expected, 1e-4, 1e-4));
}

TEST_CASE("a cache that is truncated goes on from there, and one of chosen rows with them") {
  const auto options = small();
  const auto blocks = blocks_of(options);
  const torch::NoGradGuard no_grad;
  const auto x = at::randn({3, 6, 12}), other = at::randn({3, 2, 12});
  nn::DecoderCache cache(options.n_layer, 4);
  blocks.forward(x, {.cache = &cache});
  cache.truncate(4);
  CHECK(cache.length() == 4);
  const auto rows = at::tensor({2, 2, 0}, at::kLong);
  cache.select_rows(rows);
  const auto whole = at::cat({x.narrow(1, 0, 4), other}, 1).index_select(0, rows);
  CHECK(at::allclose(blocks.forward(other.index_select(0, rows), {.cache = &cache}),
                     blocks.forward(whole).narrow(1, 4, 2), 1e-5, 1e-5));
  CHECK_THROWS_AS(cache.truncate(7), std::logic_error);
}

TEST_CASE("a kind that does not exist is refused when the decoder is made") {
  auto options = small();
  options.residual = "middle_norm";
  CHECK_THROWS_WITH(nn::Decoder(options), "no residual is called \"middle_norm\"");
}

TEST_CASE("recorded steps of one token give what steps give, past a cache that grows") {
  auto options = GENERATE(from_range(variants()));
  if (options.attention != "softmax") return;
  INFO(to_json(options).dump());
  const auto blocks = blocks_of(options);
  const torch::NoGradGuard no_grad;
  const auto x = at::randn({2, 9, 12});
  // Room for fewer tokens than there are: the storage moves twice.
  nn::DecoderCache plain(2, 3), recorded(2, 3);
  test::RecorderCounts counts;
  recorded.recorder = test::rerun_recorder(counts);
  for (int64_t t = 0; t < 9; ++t) {
    // The last two tokens are of one row alone.
    if (t == 7) {
      for (auto* cache : {&plain, &recorded}) cache->select_rows(at::tensor({1}, at::kLong));
    }
    const auto token = t < 7 ? x.narrow(1, t, 1) : x.narrow(0, 1, 1).narrow(1, t, 1);
    const auto expected = blocks.forward(token, {.cache = &plain}),
               ours = blocks.forward(token, {.cache = &recorded});
    // Without norms tokens grow large.
    CHECK((ours - expected).abs().max().item<double>() < 1e-5 * expected.abs().max().item<double>());
    // Drafts that were not accepted are forgotten in between.
    if (t == 6) {
      for (auto* cache : {&plain, &recorded}) cache->truncate(5);
    }
  }
  CHECK((counts.replayed > 0) == (options.positions != "sinusoidal"));
}
