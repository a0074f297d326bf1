#include "language/quantised_folder.h"

#include "language/decoder_lm_model.h"
#include "language/ready_model.h"
#include "language/ssa_model.h"
#include "language/text_folder.h"
#include "runtime/model_folder.h"
#include "runtime/safetensors.h"
#include "support/tensors.h"

using namespace arzoo;
using namespace arzoo::language;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

constexpr int64_t kWords = 257, kWidth = 64;
const std::atomic<bool> kNotStopped = false;

DecoderLmOptions tiny_decoder(const std::string& architecture, bool tied) {
  DecoderLmOptions options{.architecture = architecture, .vocab_size = kWords, .hidden_size = kWidth};
  options.num_hidden_layers = 2;
  options.num_attention_heads = 2;
  options.max_position_embeddings = 32;
  options.tie_word_embeddings = tied;
  options.intermediate_size = architecture == "gpt2" ? 0 : 96;
  return options;
}

/// Writes the folder of a model with random weights.
void write_random(const fs::path& folder, std::string_view name, Json options, LanguageModel& model) {
  model.initialise();
  options["name"] = name;
  runtime::write_model_folder(folder, {{"family", "language"}, {"model", options}, {"context", 16}}, model);
}

void write_decoder(const fs::path& folder, const std::string& architecture, bool tied = true) {
  const auto options = tiny_decoder(architecture, tied);
  DecoderLm model(options);
  write_random(folder, DecoderLmOptions::kName, to_json(options), model);
}

Json quantised(const fs::path& input, const fs::path& output, const std::string& form) {
  plan::ConvertTask task{.input = input, .output = output};
  task.quantize = form;
  SilentProgress progress;
  return quantise_model(task, {progress, kNotStopped, nullptr});
}

at::Tensor logits_of(const fs::path& folder, Quantization form, int64_t tokens) {
  const runtime::Compute compute{.quantization = form};
  const c10::InferenceMode inference;
  const auto opened = open_text_model(folder, compute);
  const auto weights = make_ready(*opened.model, compute);
  const kernels::QuantizedScope scope(weights.get());
  torch::manual_seed(1);
  return dynamic_cast<CausalModel&>(*opened.model).logits(at::randint(1, kWords, {1, tokens}, at::kLong));
}

Quantization form_of(const std::string& name) {
  return name == "int8" ? Quantization::int8 : Quantization::int4;
}

}  // namespace

TEST_CASE("a folder in 8 or 4 bits computes what its model does when it is rounded at opening") {
  torch::manual_seed(2);
  const TempDir temp;
  const std::string form = GENERATE("int8", "int4");
  const std::string kind = GENERATE("gpt2", "llama", "llama untied", "qwen2", "gpt_neox untied");
  CAPTURE(form, kind);
  write_decoder(temp / "model", kind.substr(0, kind.find(' ')), kind.find("untied") == std::string::npos);
  const auto result = quantised(temp / "model", temp / "small", form);
  CHECK(result["quantized"].get<int64_t>() >= 8);
  CHECK(result["bytes"].get<std::size_t>() < fs::file_size(temp / "model" / "model.safetensors"));
  const int64_t tokens = GENERATE(1, 12);
  CHECK(at::equal(logits_of(temp / "small", Quantization::none, tokens),
                  logits_of(temp / "model", form_of(form), tokens)));
}

TEST_CASE("a nanoGPT's maps are rounded, its embedding, which is its head, stays in full") {
  torch::manual_seed(6);
  const TempDir temp;
  SsaOptions options{.vocab_size = kWords, .block_size = 32, .n_embd = kWidth, .n_layer = 2, .n_head = 2};
  options.window = 8;
  SsaLm model(options);
  write_random(temp / "model", SsaOptions::kName, to_json(options), model);
  const auto result = quantised(temp / "model", temp / "small", "int4");
  CHECK(result["quantized"] == 8);
  const auto rounded = logits_of(temp / "small", Quantization::none, 12),
             exact = logits_of(temp / "model", Quantization::none, 12);
  CHECK(((rounded - exact).norm() / exact.norm()).item<double>() < 0.2);
}

TEST_CASE(
    "a folder in 4 bits is opened in bf16 as well, and its numbers that are not rounded keep their type") {
  torch::manual_seed(3);
  const TempDir temp;
  const auto options = tiny_decoder("llama", true);
  DecoderLm model(options);
  model.initialise();
  auto section = to_json(options);
  section["name"] = DecoderLmOptions::kName;
  runtime::write_model_folder(temp / "model", {{"family", "language"}, {"model", section}}, model,
                              at::kBFloat16);
  quantised(temp / "model", temp / "small", "int4");
  CHECK(runtime::open_tensors(temp / "small").at("model.norm.weight").scalar_type() == at::kBFloat16);
  const c10::InferenceMode inference;
  const auto opened = open_text_model(temp / "small", {.dtype = at::kBFloat16});
  const auto logits = dynamic_cast<CausalModel&>(*opened.model).logits(at::ones({1, 3}, at::kLong));
  CHECK(logits.isfinite().all().item<bool>());
}

TEST_CASE("what is rounded already, and what is no language model, is not rounded") {
  torch::manual_seed(4);
  const TempDir temp;
  write_decoder(temp / "model", "llama");
  quantised(temp / "model", temp / "small", "int8");
  CHECK_THROWS_WITH(quantised(temp / "small", temp / "smaller", "int4"),
                    ContainsSubstring("its weights are in int8 already"));
  fs::create_directory(temp / "empty");
  CHECK_THROWS_AS(quantised(temp / "empty", temp / "none", "int4"), CheckpointError);
}

TEST_CASE("a quantised file that does not fit its model is refused by the name of the tensor") {
  torch::manual_seed(5);
  const TempDir temp;
  write_decoder(temp / "model", "llama");
  quantised(temp / "model", temp / "small", "int4");
  const auto file = temp / "small" / "model.safetensors";
  const auto tensors = runtime::open_tensors(temp / "small");
  const std::string name = "model.layers.0.mlp.up_proj.weight", embedding = "model.embed_tokens.weight";
  const auto rewritten = [&](const std::string& changed, const at::Tensor& value, const std::string& form) {
    std::vector<runtime::NamedTensors::Entry> entries;
    for (const auto& [own, tensor] : tensors) {
      if (own != changed) {
        entries.emplace_back(own, tensor.clone());
      } else if (value.defined()) {
        entries.emplace_back(own, value);
      }
    }
    runtime::write_safetensors(file, entries, {{"quantization", form}});
    open_text_model(temp / "small", {});
  };
  CHECK_THROWS_WITH(rewritten(name, at::zeros({96, 35}, at::kByte), "int4"),
                    ContainsSubstring("\"" + name + "\" is Byte [96, 35], expected Byte [96, 36]"));
  CHECK_THROWS_WITH(rewritten(name, at::zeros({96, 64}, at::kChar), "int4"), ContainsSubstring("is Char"));
  CHECK_THROWS_WITH(rewritten(embedding + ".scales", {}, "int4"), ContainsSubstring("no tensor"));
  CHECK_THROWS_WITH(rewritten(embedding + ".scales", at::ones({3}), "int4"),
                    ContainsSubstring("expected Float"));
  CHECK_THROWS_WITH(rewritten("model.norm.weight", at::zeros({64}, at::kByte), "int4"),
                    ContainsSubstring("\"model.norm.weight\" is no weight that this model has in int4"));
  CHECK_THROWS_WITH(rewritten("", {}, "int3"), ContainsSubstring("weights in \"int3\""));
  CHECK_NOTHROW(rewritten("", {}, "int4"));
}
