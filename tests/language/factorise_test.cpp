#include "language/factorise.h"

#include "core/json_reader.h"
#include "language/decoder_lm_model.h"
#include "language/dsformer_model.h"
#include "language/ssa_model.h"
#include "language/text_folder.h"
#include "nn/structured_linear.h"
#include "plan/run_config.h"
#include "runtime/model_folder.h"
#include "support/one_thread.h"
#include "support/tensors.h"

using namespace arzoo;
using namespace arzoo::language;
using test::TempDir;
using test::worst;
namespace fs = std::filesystem;

namespace {

constexpr int64_t kVocabulary = 257;
const std::atomic<bool> kGoesOn = false;

void write_folder(const fs::path& folder, std::string_view name, Json options,
                  const torch::nn::Module& model) {
  options["name"] = name;
  runtime::write_model_folder(folder, {{"family", "language"}, {"model", options}, {"context", 16}}, model);
}

SsaOptions tiny_nano() {
  SsaOptions options{.vocab_size = kVocabulary, .block_size = 16, .n_embd = 16, .n_layer = 2, .n_head = 2};
  options.window = 8;
  return options;
}

DecoderLmOptions tiny_gpt2() {
  DecoderLmOptions options{.architecture = "gpt2", .vocab_size = kVocabulary, .hidden_size = 16};
  options.num_hidden_layers = 2;
  options.num_attention_heads = 2;
  options.max_position_embeddings = 16;
  return options;
}

Json factorised(const fs::path& input, const fs::path& output, const std::string& kind, double ratio) {
  plan::ConvertTask task{.input = input, .output = output};
  task.factorize = kind;
  task.ratio = ratio;
  SilentProgress progress;
  return factorise_model(task, {progress, kGoesOn, nullptr});
}

at::Tensor some_ids() { return at::randint(1, kVocabulary, {2, 12}, at::kLong); }

}  // namespace

TEST_CASE("factors need at most the numbers that the ratio leaves, and come nearer with more of them") {
  torch::manual_seed(1);
  const std::vector<at::Tensor> weights{at::randn({48, 16}), at::randn({48, 16})};
  double before = 0.0;
  for (const double ratio : {1.5, 2.0, 4.0}) {
    const auto choice = choose_factors("attn.c_attn", weights, ratio);
    INFO(ratio);
    CHECK(static_cast<double>(choice.sizes.numbers(16, 48)) <= 16 * 48 / ratio);
    CHECK(choice.sizes.nonzeros <= choice.sizes.rank);
    CHECK(choice.error > before);
    CHECK(choice.error < 1.0);
    before = choice.error;
  }
  CHECK_THROWS_WITH(choose_factors("attn.c_attn", weights, 80.0), ContainsSubstring("attn.c_attn (48 x 16)"));
}

TEST_CASE("a nanoGPT becomes a folder of factors that opens, and its train.json trains it further") {
  torch::manual_seed(2);
  const TempDir temp;
  const auto options = tiny_nano();
  SsaLm model(options);
  model.initialise();
  write_folder(temp / "nano", SsaOptions::kName, to_json(options), model);
  const std::string kind = GENERATE("dense_sparse", "low_rank");
  const auto result = factorised(temp / "nano", temp / "factors", kind, 2.0);
  CHECK(result["parameters"].get<int64_t>() < result["parameters_before"].get<int64_t>());
  CHECK(result["maps"].size() == 4);
  const auto opened = open_text_model(temp / "factors", {});
  CHECK(opened.model->vocabulary() == kVocabulary);
  CHECK(opened.options["factors"] == kind);
  const auto file = temp / "factors" / "train.json";
  temp.write("factors/text.txt", std::string(400, 'a'));
  const auto run = plan::resolve_run_config(Config::load(file), file.parent_path());
  CHECK(fs::equivalent(run["training"]["init_from"].get<std::string>(),
                       temp / "factors" / "model.safetensors"));
  CHECK(run["data"]["tokenizer"] == "bytes");
  CHECK(run["model"]["ds_maps"].size() == 4);
}

TEST_CASE("a GPT-2 whose factors have all numbers gives its own logits") {
  torch::manual_seed(3);
  const TempDir temp;
  const auto options = tiny_gpt2();
  DecoderLm gpt2(options);
  gpt2.initialise();
  const torch::NoGradGuard no_grad;
  for (auto& parameter : gpt2.parameters()) parameter.add_(at::randn_like(parameter), 0.1);
  gpt2.eval();
  write_folder(temp / "gpt2", DecoderLmOptions::kName, to_json(options), gpt2);
  DsformerOptions whole{.vocab_size = kVocabulary, .block_size = 16, .n_embd = 16, .n_layer = 2, .n_head = 2};
  whole.ds_blocks = 1;
  whole.ds_rank = whole.ds_nonzeros = 16;
  whole.bias = true;
  whole.activation_function = "gelu_new";
  whole.check();
  DsformerLm factored(whole);
  factored.factorise(nano_gpt_tensors(temp / "gpt2"));
  factored.eval();
  const auto ids = some_ids();
  CHECK(worst(factored.logits(ids), gpt2.logits(ids)) < 1e-4);
}

TEST_CASE("low-rank factors have no more numbers than the dense-sparse ones") {
  DsformerOptions options{
      .vocab_size = kVocabulary, .block_size = 16, .n_embd = 16, .n_layer = 2, .n_head = 2};
  options.ds_rank = 6;
  options.ds_nonzeros = 3;
  const DsformerLm sparse(options);
  options.factors = "low_rank";
  const DsformerLm thin(options);
  CHECK(stored_numbers(thin) <= stored_numbers(sparse));
  CHECK(stored_numbers(thin) > stored_numbers(sparse) * 9 / 10);
}

TEST_CASE("a model that has no factors is refused by its name") {
  const TempDir temp;
  auto llama = tiny_gpt2();
  llama.architecture = "llama";
  DecoderLm model(llama);
  model.initialise();
  write_folder(temp / "llama", DecoderLmOptions::kName, to_json(llama), model);
  CHECK_THROWS_WITH(factorised(temp / "llama", temp / "out", "dense_sparse", 2.0),
                    ContainsSubstring("a llama, expected a gpt2 or a nanoGPT"));
  auto untied = tiny_gpt2();
  untied.tie_word_embeddings = false;
  DecoderLm other(untied);
  other.initialise();
  write_folder(temp / "untied", DecoderLmOptions::kName, to_json(untied), other);
  CHECK_THROWS_WITH(factorised(temp / "untied", temp / "out", "low_rank", 2.0),
                    ContainsSubstring("the head"));
  CHECK_FALSE(fs::exists(temp / "out"));
}
