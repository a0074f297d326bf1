// What a user may get wrong about a language model, each refused with what was expected.

#include "language/commands/text_rows.h"
#include "language/decoder_lm_model.h"
#include "language/first_model.h"
#include "language/text_folder.h"
#include "plan/run_config.h"
#include "runtime/model_folder.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::language;
using test::TempDir;

namespace {

Json resolved_text(const std::string& model, const std::string& data = "{}") {
  Json config{{"model", Json::parse(model)}, {"data", Json::parse(data)}};
  config["data"]["path"] = "text.txt";
  return plan::resolve_run_config(Config(std::move(config), "run.json"), ".");
}

std::string text_refusal(const std::string& model, const std::string& data = "{}") {
  try {
    resolved_text(model, data);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

DecoderLmOptions tiny_text(const std::string& architecture, int64_t vocabulary) {
  DecoderLmOptions options{.architecture = architecture, .vocab_size = vocabulary, .hidden_size = 8};
  options.num_hidden_layers = 1;
  options.num_attention_heads = 2;
  options.max_position_embeddings = 12;
  return options;
}

void write_model(const TempDir& temp, const std::string& name, const DecoderLmOptions& options) {
  DecoderLm model(options);
  model.initialise();
  auto section = to_json(options);
  section["name"] = DecoderLmOptions::kName;
  runtime::write_model_folder(temp / name, {{"family", "language"}, {"model", section}}, model);
}

std::vector<TextRow> prompt_rows(const OpenedText& opened, const std::string& prompt) {
  plan::GenerateTextTask task;
  task.count = 1;
  return text_rows({prompt}, opened, task);
}

}  // namespace

TEST_CASE("sizes that do not go together are refused before anything is built") {
  const auto [model, told] = GENERATE(table<std::string, std::string>({
      {R"({"name": "decoder_lm", "architecture": "llama", "hidden_size": 6, "num_attention_heads": 2})",
       "rotary positions need an even head_dim, got 3"},
      {R"({"name": "decoder_lm", "architecture": "llama", "num_attention_heads": 4, "num_key_value_heads": 3})",
       "n_head (4) must be a multiple of n_kv_head (3)"},
      {R"({"name": "decoder_lm", "hidden_size": 10, "num_attention_heads": 3})",
       "n_embd (10) must be a multiple"},
      {R"({"name": "decoder_lm", "value_memory": {"kind": "move"}})", "does not go with gpt2"},
      {R"({"name": "decoder_lm", "architecture": "llama", "value_memory": {"kind": "lave", "slots": 2}})",
       "slots (2) go with the kind move"},
      {R"({"name": "decoder_lm", "rope_scaling": {"rope_type": "linear", "factor": 2}})",
       "does not go with gpt2"},
      {R"({"name": "decoder_lm", "architecture": "llama", "rope_scaling": {"rope_type": "linear", "factor": 0.5}})",
       "/model/rope_scaling/factor"},
      {R"({"name": "structured_lm", "method": "blockdense", "rank": 9, "nblocks": 2})",
       "rank (9) must be a multiple of nblocks (2)"},
      {R"({"name": "structured_lm", "method": "blockdense", "rank": 6, "nblocks": 3})",
       "nblocks (3) must divide 128"},
      {R"({"name": "structured_lm", "method": "blockshuffle", "nblocks": 2, "hidden_dim": 16, "attn_dim": 16, "ffn_dim": 31})",
       "nblocks (2) must divide 31"},
      {R"({"name": "structured_lm", "method": "lowrank", "rank": 500})", "rank (500) must be at most 128"},
      {R"({"name": "structured_lm", "guide": {"enabled": true, "max_step_ratio": 1.5}})",
       "/model/guide/max_step_ratio"},
      {R"({"name": "dsformer_lm", "ds_rank": 4, "ds_nonzeros": 5})",
       "ds_nonzeros (5) must be at most ds_rank (4)"},
      {R"({"name": "dsformer_lm", "ds_blocks": 3})", "ds_blocks (3) must divide 128"},
      {R"({"name": "dsformer_lm", "ds_maps": [{"map": "attn.c_attn", "blocks": 5}]})",
       "ds_blocks (5) must divide 128"},
      {R"({"name": "ssa_lm", "block_size": 20, "window": 8})",
       "block_size (20) must be a multiple of window (8)"},
      {R"({"name": "combiner_lm", "attention": "fixed", "max_len": 30, "max_seg_len": 8})", "max_seg_len"},
      {R"({"name": "block_transformer", "block_length": 3, "hidden_size": 16})",
       "must make hidden_size (16)"},
      {R"({"name": "first_lm", "base": {"architecture": "gpt2"}})", "got gpt2"},
  }));
  INFO(model);
  CHECK_THAT(text_refusal(model), ContainsSubstring(told));
}

TEST_CASE("a tokenizer with more ids than the model's embedding is refused with both numbers") {
  const TempDir temp;
  write_model(temp, "small", tiny_text("llama", 100));
  CHECK_THROWS_WITH(open_text_model(temp / "small", {}),
                    ContainsSubstring("the tokenizer has 257 ids, the model's embedding 100"));
  // A padded embedding is usual.
  write_model(temp, "padded", tiny_text("llama", 320));
  CHECK_NOTHROW(open_text_model(temp / "padded", {}));
}

TEST_CASE("an empty prompt begins with the end of a text; a long one is refused or warned of") {
  const TempDir temp;
  write_model(temp, "gpt2", tiny_text("gpt2", 257));
  auto opened = open_text_model(temp / "gpt2", {});
  CHECK(prompt_rows(opened, "").front().ids == std::vector<int64_t>{256});
  opened.ends.clear();
  CHECK_THROWS_WITH(prompt_rows(opened, ""), ContainsSubstring("an empty prompt"));
  CHECK_NOTHROW(prompt_rows(opened, std::string(11, 'a')));
  CHECK_THROWS_WITH(prompt_rows(opened, std::string(12, 'a')),
                    ContainsSubstring("a prompt of 12 tokens, but the model reads at most 12"));
  write_model(temp, "llama", tiny_text("llama", 257));
  const auto rotary = open_text_model(temp / "llama", {});
  CHECK(prompt_warnings(prompt_rows(rotary, std::string(12, 'a')), rotary).empty());
  const auto warnings = prompt_warnings(prompt_rows(rotary, std::string(40, 'a')), rotary);
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings.front(), ContainsSubstring("a prompt of 40 tokens"));
}

TEST_CASE("routers may skip every layer, and a prompt of one token votes alone") {
  const c10::InferenceMode inference;
  FirstOptions options;
  options.base = tiny_text("llama", 257);
  options.base.num_hidden_layers = 2;
  FirstLm model(options);
  model.initialise();
  for (auto& parameter : model.named_parameters()) {
    if (parameter.key().starts_with("routers.") && parameter.key().ends_with("bias"))
      parameter.value().fill_(-9.0);
  }
  model.eval();
  const auto ids = at::randint(257, {2, 1}, at::kLong);
  FirstStream stream(model, 8);
  const auto logits = stream.read(ids);
  CHECK(stream.choice().kept().sum().item<double>() == 0.0);
  CHECK(stream.choice().scores().sizes() == at::IntArrayRef({2, 2}));
  CHECK(logits.isfinite().all().item<bool>());
  CHECK(stream.read(ids).isfinite().all().item<bool>());
}
