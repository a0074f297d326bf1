#include "language/block_transformer_model.h"

#include "core/error.h"
#include "support/test.h"

using namespace arzoo;
using language::BlockTransformer;
using language::BlockTransformerOptions;

namespace {

BlockTransformerOptions tiny_blocks(const std::string& strategy, const std::string& projection) {
  BlockTransformerOptions options;
  options.vocab_size = 23;
  options.hidden_size = 16;
  options.block_layers = options.token_layers = 2;
  options.num_attention_heads = 2;
  options.rotary_pct = 0.5;
  options.eos_token_id = 22;
  options.decoding_strategy = strategy;
  options.projection_method = projection;
  if (strategy == "summation") options.expansion_ratio = options.block_length;
  return options;
}
BlockTransformerOptions any_blocks() {
  return tiny_blocks(GENERATE(std::string("prefix"), "summation"),
                     GENERATE(std::string("concat"), "projection_layer"));
}

std::shared_ptr<BlockTransformer> model_of(const BlockTransformerOptions& options) {
  torch::manual_seed(1);
  auto model = std::make_shared<BlockTransformer>(options);
  model->initialise();
  // Positions and neighbours must matter.
  const torch::NoGradGuard no_grad;
  for (auto& parameter : model->parameters()) parameter.add_(at::randn_like(parameter) * 0.1);
  model->eval();
  return model;
}

}  // namespace

TEST_CASE("a text read token by token is scored as in one pass") {
  const auto model = model_of(any_blocks());
  const c10::InferenceMode inference;
  const auto rows = at::randint(23, {2, 12}, at::kLong);
  const auto stream = model->stream(12);
  std::vector<at::Tensor> nats;
  for (int64_t t = 0; t + 1 < rows.size(1); ++t) {
    const auto logits = stream->read(rows.narrow(1, t, 1));
    nats.push_back(language::nats_of(logits.unsqueeze(1), rows.narrow(1, t + 1, 1)));
  }
  CHECK(at::allclose(at::cat(nats, 1), model->token_losses(rows).nats, 1e-4, 1e-5));
}

TEST_CASE("a prompt may be read at once or in parts") {
  const auto model = model_of(any_blocks());
  const c10::InferenceMode inference;
  const auto ids = at::randint(23, {2, 10}, at::kLong);
  const auto whole = model->stream(10), parts = model->stream(10);
  parts->read(ids.narrow(1, 0, 6));  // the two padding tokens are those of the whole prompt
  CHECK(at::allclose(parts->read(ids.narrow(1, 6, 4)), whole->read(ids), 1e-4, 1e-5));
}

TEST_CASE("blocks that are padding alone are not computed and change nothing") {
  const auto model = model_of(tiny_blocks("prefix", "concat"));
  const c10::InferenceMode inference;
  auto ids = at::randint(23, {2, 4, 4}, at::kLong), mask = at::ones_like(ids);
  const auto all = model->block_logits(ids, mask);
  mask[1][3].fill_(0);
  const auto some = model->block_logits(ids, mask);
  CHECK(at::allclose(some[0], all[0], 1e-5, 1e-6));
  CHECK(at::allclose(some[1].narrow(0, 0, 2), all[1].narrow(0, 0, 2), 1e-5, 1e-6));
  CHECK(some[1][2].abs().max().item<double>() == 0.0);
}

TEST_CASE("rows of training begin with padding that differs from row to row") {
  const auto model = model_of(tiny_blocks("prefix", "concat"));
  model->train();
  const auto rows = at::randint(23, {8, 17}, at::kLong);
  torch::manual_seed(1);
  const double first = model->loss(rows).total.item<double>();
  torch::manual_seed(1);
  CHECK(model->loss(rows).total.item<double>() == first);
  torch::manual_seed(2);
  CHECK(model->loss(rows).total.item<double>() != first);
}

TEST_CASE("a start from a vanilla model of other sizes is refused") {
  auto options = tiny_blocks("prefix", "projection_layer");
  const auto model = model_of(options);
  runtime::NamedTensors vanilla("vanilla");
  vanilla.add("gpt_neox.embed_in.weight", at::zeros({23, 16}));
  CHECK_THROWS_AS(model->take_vanilla(vanilla), CheckpointError);
}

TEST_CASE("sizes of blocks that do not fit are refused") {
  auto options = tiny_blocks("summation", "concat");
  options.expansion_ratio = 2;
  CHECK_THROWS_AS(options.check(), ConfigError);
  options = tiny_blocks("prefix", "concat");
  options.embedder_hidden_size = 5;
  CHECK_THROWS_AS(options.check(), ConfigError);
}
