#include "language/bert_model.h"

#include "core/error.h"
#include "core/text_file.h"
#include "language/commands/embed_text_command.h"
#include "language/text_encoder.h"
#include "runtime/model_folder.h"
#include "runtime/safetensors.h"
#include "support/test.h"

using namespace arzoo;
using language::Bert;
using language::BertOptions;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

BertOptions tiny_bert() {
  BertOptions options;
  options.vocab_size = 66;
  options.hidden_size = 16;
  options.num_hidden_layers = 2;
  options.num_attention_heads = 2;
  options.intermediate_size = 24;
  options.max_position_embeddings = 12;
  options.mask_token_id = 4;
  return options;
}

/// A folder as it is published: config.json, model.safetensors and vocab.txt.
void write_published(const TempDir& temp, const char* prefix, bool pooler) {
  torch::manual_seed(1);
  Bert model(tiny_bert(), pooler);
  std::vector<runtime::NamedTensors::Entry> tensors;
  for (const auto& parameter : model.named_parameters())
    tensors.emplace_back(prefix + parameter.key(), at::randn_like(parameter.value()) * 0.3);
  runtime::write_safetensors(temp / "model.safetensors", tensors);
  auto config = to_json(tiny_bert());
  config["model_type"] = "bert";
  temp.write("config.json", config.dump());
  temp.write("vocab.txt", read_text_file(test::source_dir() / "tests/fixtures/word_piece/vocab.txt"));
}

Json embedded(const TempDir& temp, const fs::path& output, const std::string& pool = "mean") {
  plan::EmbedTextTask task;
  task.model = temp.path();
  task.input = temp / "lines.txt";
  task.output = output;
  task.pool = pool;
  SilentProgress progress;
  const std::atomic<bool> never = false;
  return language::run_embed_text(task, {progress, never, nullptr});
}

}  // namespace

TEST_CASE("a text's vector is its own, whatever stands beside it") {
  const TempDir temp;
  write_published(temp, "bert.", true);
  const auto encoder = language::TextEncoder::open(temp.path(), {});
  bool cut = false;
  std::vector<std::vector<int64_t>> texts;
  for (const char* text : {"in the beginning", "", "god created the heaven and the earth", "hello"})
    texts.push_back(encoder.ids_of(text, cut));
  const auto pooling = GENERATE(language::Pooling::mean, language::Pooling::cls, language::Pooling::pooler);
  const auto together = encoder.vectors(texts, pooling);
  for (std::size_t i = 0; i < texts.size(); ++i)
    CHECK(
        at::allclose(encoder.vectors({texts[i]}, pooling)[0], together[static_cast<int64_t>(i)], 1e-4, 1e-5));
}

TEST_CASE("an encoder in 8 bits rounds its weights, and little more") {
  const TempDir temp;
  write_published(temp, "", false);
  const auto exact = language::TextEncoder::open(temp.path(), {}),
             rounded = language::TextEncoder::open(temp.path(), {.quantization = Quantization::int8});
  bool cut = false;
  const std::vector<std::vector<int64_t>> texts{exact.ids_of("god created the heaven", cut)};
  const auto one = exact.vectors(texts, language::Pooling::mean),
             other = rounded.vectors(texts, language::Pooling::mean);
  CHECK_FALSE(at::equal(one, other));
  CHECK((one - other).norm().item<double>() < 0.1 * one.norm().item<double>());
}

TEST_CASE("embed-text writes a vector of each line, and cuts what is too long") {
  const TempDir temp;
  write_published(temp, "", false);
  temp.write("lines.txt", "hello world\n\nthe the the the the the the the the the the the the the\n");
  const auto result = embedded(temp, temp / "vectors.jsonl");
  CHECK(result.at("texts") == 3);
  CHECK(result.at("cut") == 1);
  CHECK(result.at("tokens") == 4 + 2 + 12);
  const auto lines = read_text_file(temp / "vectors.jsonl");
  CHECK(std::count(lines.begin(), lines.end(), '\n') == 3);
  CHECK(Json::parse(lines.substr(0, lines.find('\n'))).at("vector").size() == 16);
  CHECK_THROWS_WITH(embedded(temp, temp / "v.jsonl", "pooler"), ContainsSubstring("has no pooler"));
}

TEST_CASE("hidden tokens are filled in, and every seventh one is scored") {
  torch::manual_seed(1);
  language::BertLm model(tiny_bert());
  model.initialise();
  const auto rows = at::randint(66, {3, 12}, at::kLong);
  model.train();
  const auto loss = model.loss(rows).total;
  CHECK(loss.item<double>() > 3.0);
  loss.backward();
  model.eval();
  const auto scored = model.token_losses(rows);
  CHECK(scored.counts.sum().item<int64_t>() == 3 * 2);  // places 3 and 10 of 11
  CHECK(at::equal(model.token_losses(rows.narrow(0, 1, 1)).counts[0], scored.counts[1]));
  CHECK_THROWS_AS(model.stream(4), UsageError);
}

TEST_CASE("what a published BERT asks for and the encoder cannot do is refused") {
  auto config = to_json(tiny_bert());
  config["position_embedding_type"] = "relative_key";
  CHECK_THROWS_WITH(language::published_bert_options(Config(config, "config.json")),
                    ContainsSubstring("position_embedding_type"));
}
