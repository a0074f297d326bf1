#include "language/block_transformer_model.h"
#include "language/combiner_model.h"
#include "language/decoder_lm_model.h"
#include "language/dsformer_model.h"
#include "language/first_model.h"
#include "language/primer_model.h"
#include "language/ssa_model.h"
#include "language/structured_model.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::language;

namespace {

template <class Model, class Options>
std::shared_ptr<CausalModel> fresh(Options options) {
  options.vocab_size = 23;
  auto model = std::make_shared<Model>(options);
  model->initialise();
  model->eval();
  return model;
}

DecoderLmOptions plain(const std::string& architecture) {
  DecoderLmOptions options{.architecture = architecture, .vocab_size = 23, .hidden_size = 16};
  options.num_hidden_layers = 2;
  options.num_attention_heads = 4;
  if (architecture == "llama") options.num_key_value_heads = 2;
  return options;
}

/// A model of each kind that reads token by token.
std::vector<std::pair<std::string, std::shared_ptr<CausalModel>>> causal_models() {
  torch::manual_seed(1);
  std::vector<std::pair<std::string, std::shared_ptr<CausalModel>>> all;
  for (const std::string architecture : {"gpt2", "llama", "qwen2", "gpt_neox"})
    all.emplace_back(architecture, fresh<DecoderLm>(plain(architecture)));
  auto sequential = plain("gpt_neox");
  sequential.use_parallel_residual = false;
  all.emplace_back("gpt_neox, one branch behind the other", fresh<DecoderLm>(sequential));
  for (const std::string kind : {"move", "lave"}) {
    auto values = plain("llama");
    values.value_memory.kind = kind;
    if (kind == "move") values.value_memory.slots = 3;
    all.emplace_back("llama with value embeddings, " + kind, fresh<DecoderLm>(values));
  }
  PrimerOptions primer{.d_model = 16, .num_layers = 2, .num_heads = 2, .d_kv = 8, .d_ff = 32};
  all.emplace_back("primer_ez", fresh<PrimerLm>(primer));
  primer.variant = "primer";
  all.emplace_back("primer", fresh<PrimerLm>(primer));
  all.emplace_back("ssa",
                   fresh<SsaLm>(SsaOptions{.block_size = 32, .n_embd = 16, .n_layer = 2, .window = 8}));
  StructuredOptions structured{.rank = 8, .hidden_dim = 16, .attn_dim = 16, .ffn_dim = 32};
  for (const std::string method : {"linear", "lowrank", "blockdense", "blockshuffle"}) {
    structured.method = method;
    all.emplace_back("structured " + method, fresh<StructuredLm>(structured));
  }
  all.emplace_back("dsformer",
                   fresh<DsformerLm>(DsformerOptions{
                       .block_size = 32, .n_embd = 16, .n_layer = 2, .ds_rank = 6, .ds_nonzeros = 3}));
  return all;
}

at::Tensor random_ids(int64_t rows, int64_t tokens) { return at::randint(1, 23, {rows, tokens}, at::kLong); }

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

/// Logits behind the last of ids that are read in parts of these sizes.
at::Tensor read_in_parts(LanguageModel& model, const at::Tensor& ids, const std::vector<int64_t>& sizes) {
  const auto stream = model.stream(ids.size(1));
  at::Tensor logits;
  int64_t at = 0;
  for (const auto size : sizes) {
    logits = stream->read(ids.narrow(1, at, size));
    at += size;
  }
  return logits;
}

}  // namespace

TEST_CASE("a cache gives what reading everything again gives") {
  const c10::InferenceMode inference;
  for (const auto& [name, model] : causal_models()) {
    INFO(name);
    const auto ids = random_ids(3, 9);
    const auto whole = model->logits(ids).select(1, -1);
    CHECK(largest_difference(read_in_parts(*model, ids, {4, 1, 1, 1, 2}), whole) < 1e-4);
    CHECK(largest_difference(read_in_parts(*model, ids, {9}), whole) < 1e-4);
  }
}

TEST_CASE("rows that pass through a model together are those that pass alone, and forget drafts") {
  const c10::InferenceMode inference;
  for (const auto& [name, model] : causal_models()) {
    INFO(name);
    const std::vector<std::vector<int64_t>> prompts{{3, 1, 4, 1}, {5}, {9, 2, 6}};
    const auto rows = model->draft_target(prompts, 16, 20);
    if (rows == nullptr) {
      CHECK(name.starts_with("primer"));  // convolutions
      continue;
    }
    const auto behind = [&model = model](const std::vector<int64_t>& ids) {
      const auto all = at::tensor(ids, at::kLong).unsqueeze(0);
      return model->logits(all).select(1, -1)[0].narrow(0, 0, 20);
    };
    auto chain = nn::DraftTree::of_root(1), tree = nn::DraftTree::of_root(6);
    chain.add(8, chain.add(7, 0));
    tree.add(10, 0);
    tree.add(11, 0);
    const auto logits = rows->read({chain, {}, tree});
    CHECK(logits.size(0) == 6);
    CHECK(largest_difference(logits[2], behind({3, 1, 4, 1, 7, 8})) < 1e-4);
    CHECK(largest_difference(logits[5], behind({9, 2, 6, 11})) < 1e-4);
    rows->keep(0, 3, {0, 1});
    rows->keep(2, 2, {0, 2});
    const auto next =
        rows->read({nn::DraftTree::of_root(12), nn::DraftTree::of_root(5), nn::DraftTree::of_root(13)});
    CHECK(largest_difference(next[0], behind({3, 1, 4, 1, 7, 12})) < 1e-4);
    CHECK(largest_difference(next[1], behind({5})) < 1e-4);
    CHECK(largest_difference(next[2], behind({9, 2, 6, 11, 13})) < 1e-4);
  }
}

TEST_CASE("stretched rotary positions give what reading everything again gives, within the trained length") {
  const c10::InferenceMode inference;
  const std::string type = GENERATE("linear", "dynamic", "llama3", "yarn");
  auto options = plain("llama");
  options.max_position_embeddings = 16;
  options.rope_scaling = {.rope_type = type, .factor = 4.0};
  torch::manual_seed(1);
  const auto model = fresh<DecoderLm>(options);
  options.rope_scaling = {};
  const auto ids = random_ids(2, 14);
  CHECK(largest_difference(read_in_parts(*model, ids, {6, 1, 1, 6}), model->logits(ids).select(1, -1)) <
        1e-4);
  torch::manual_seed(1);
  const auto plain_model = fresh<DecoderLm>(options);
  const double changed = largest_difference(plain_model->logits(ids), model->logits(ids));
  CHECK((changed > 1e-5) == (type != "dynamic"));  // which changes nothing within the trained length
}

TEST_CASE("a token changes nothing before it, and a row nothing in another") {
  const c10::InferenceMode inference;
  auto models = causal_models();
  for (const std::string attention : {"fixed", "logn", "rowmajor", "axial"}) {
    models.emplace_back("combiner " + attention, fresh<CombinerLm>(CombinerOptions{.attention = attention,
                                                                                   .max_len = 16,
                                                                                   .max_seg_len = 4,
                                                                                   .emb_dim = 16,
                                                                                   .qkv_dim = 16,
                                                                                   .num_heads = 2,
                                                                                   .num_layers = 2,
                                                                                   .mlp_dim = 32}));
  }
  for (const auto& [name, model] : models) {
    INFO(name);
    auto ids = random_ids(2, 12);
    const auto before = model->logits(ids);
    ids[0][7] = (ids[0][7].item<int64_t>() + 1) % 23;
    const auto after = model->logits(ids);
    CHECK(largest_difference(before[0].narrow(0, 0, 7), after[0].narrow(0, 0, 7)) < 1e-5);
    CHECK(largest_difference(before[0].narrow(0, 7, 5), after[0].narrow(0, 7, 5)) > 1e-6);
    CHECK(largest_difference(before[1], after[1]) < 1e-5);
  }
}

TEST_CASE("subsampled attention that keeps every token is plain attention") {
  const c10::InferenceMode inference;
  SsaOptions options{.vocab_size = 23, .block_size = 16, .n_embd = 16, .n_layer = 2, .n_head = 2};
  options.attention = GENERATE(as<std::string>{}, "ssa_unbiased", "ssa_local");
  options.keep = options.window = 16;
  SsaLm model(options);
  model.initialise();
  model.eval();
  const auto ids = random_ids(2, 16);
  const auto sparse = model.subsampled_logits(ids, model.orders(at::randn({2, 2, 16})));
  CHECK(largest_difference(sparse, model.logits(ids)) < 1e-5);
}

TEST_CASE("the Block Transformer's generation tells what its training pass tells") {
  const c10::InferenceMode inference;
  BlockTransformerOptions options{.vocab_size = 23, .hidden_size = 16, .eos_token_id = 0};
  options.decoding_strategy = GENERATE(as<std::string>{}, "prefix", "summation");
  if (options.decoding_strategy == "summation") options.expansion_ratio = options.block_length;
  BlockTransformer model(options);
  model.initialise();
  model.eval();
  const auto ids = random_ids(2, 16);
  const auto blocks = ids.unflatten(1, {4, 4});
  const auto logits = model.block_logits(blocks, at::ones_like(blocks));  // [B, 3, 4, V]
  const auto stream = model.stream(16);
  CHECK(largest_difference(stream->read(ids.narrow(1, 0, 4)), logits.select(1, 0).select(1, 0)) < 1e-4);
  for (int64_t i = 4; i + 1 < 16; ++i) {
    INFO(i);
    const auto next = stream->read(ids.narrow(1, i, 1));
    CHECK(largest_difference(next, logits.select(1, (i + 1) / 4 - 1).select(1, (i + 1) % 4)) < 1e-4);
  }
}

TEST_CASE("a layer that is skipped is skipped in cached decoding too, row by row") {
  const c10::InferenceMode inference;
  torch::manual_seed(3);
  FirstOptions options;
  options.base = plain("llama");
  FirstLm model(options);
  model.initialise();
  for (auto& parameter : model.named_parameters()) {  // each row's tokens decide, not the bias
    if (!parameter.key().starts_with("routers.")) continue;
    if (parameter.key().ends_with("weight")) parameter.value().normal_(0.0, 100.0);
    if (parameter.key().ends_with("bias")) parameter.value().zero_();
  }
  model.eval();
  const auto ids = random_ids(6, 8);
  FirstStream together(model, 12);
  const auto all = together.read(ids);
  const auto next = together.read(random_ids(6, 1).fill_(5));
  const auto kept = together.choice().kept();
  CHECK(kept.sum().item<double>() < 12);
  CHECK(kept.sum().item<double>() > 0);
  for (int64_t row = 0; row < 6; ++row) {
    FirstStream alone(model, 12);
    CHECK(largest_difference(alone.read(ids.narrow(0, row, 1)), all.narrow(0, row, 1)) < 1e-5);
    CHECK(largest_difference(alone.read(at::full({1, 1}, 5, at::kLong)), next.narrow(0, row, 1)) < 1e-5);
  }
}

TEST_CASE("a dense-sparse map with all entries and full rank is the map itself") {
  nn::DenseSparseLinear map({.blocks = 2, .rank = 6, .nonzeros = 6}, 12, 20, /*with_bias=*/false);
  const auto weight = at::randn({20, 12});
  map.factorise(weight);
  CHECK(largest_difference(map.product(), weight) < 1e-4);
}

TEST_CASE("a head that differs from the embedding it is tied to is refused") {
  runtime::NamedTensors file("model.safetensors");
  file.add("wte.weight", at::ones({3, 2}));
  file.add("lm_head.weight", at::zeros({3, 2}));
  CHECK_THROWS_WITH(canonical_tensors(plain("gpt2"), file), ContainsSubstring("tie_word_embeddings"));
}

TEST_CASE("options that a decoder does not have are refused by name") {
  const auto of = [](const std::string& text) {
    return published_decoder_options(Config::parse(text, "config.json"));
  };
  CHECK_THROWS_WITH(of(R"({"model_type": "llama", "rope_scaling": {"type": "longrope", "factor": 2}})"),
                    ContainsSubstring("longrope"));
  CHECK_THROWS_WITH(of(R"({"model_type": "llama", "rope_scaling": {"factor": 2}})"),
                    ContainsSubstring("rope_type"));
  CHECK_THROWS_WITH(of(R"({"model_type": "llama", "rope_scaling": {"type": "yarn", "long_factor": [1, 2]}})"),
                    ContainsSubstring("long_factor"));
  CHECK_THROWS_WITH(of(R"({"model_type": "qwen2", "use_sliding_window": true})"),
                    ContainsSubstring("use_sliding_window"));
  CHECK_THROWS_WITH(of(R"({"model_type": "gpt2", "n_embd": 10, "n_head": 3})"),
                    ContainsSubstring("multiple"));
  CHECK_THROWS_WITH(of(R"({"model_type": "gpt2", "activation_function": "mish"})"),
                    ContainsSubstring("mish"));
  const auto linear = of(R"({"model_type": "llama", "rope_scaling": {"type": "linear", "factor": 2.0}})");
  CHECK(linear.decoder().rope_scaling.rope_type == "linear");
  CHECK(linear.decoder().rope_scaling.factor == 2.0);
  const auto newest = of(R"({"model_type": "llama", "max_position_embeddings": 8192,
      "rope_parameters": {"rope_type": "llama3", "factor": 8.0, "rope_theta": 500000.0}})");
  CHECK(newest.decoder().rope_theta == 500000.0);
  CHECK(newest.decoder().rope_scaling.original_max_position_embeddings == 8192);
  CHECK(of(R"({"model_type": "gpt2", "n_embd": 12, "n_head": 3, "n_inner": null})").hidden_size == 12);
}
