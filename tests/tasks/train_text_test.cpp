// Training of language models: phases that start from one another, and cells of a table that look into them.

#include <numbers>

#include "language/first_model.h"
#include "language/text_folder.h"
#include "language/text_tokens.h"
#include "runtime/epoch_order.h"
#include "support/tasks.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

/// A run of a tiny config of this family.
Json trained_text(const std::string& model, const std::vector<std::string>& set, const fs::path& out) {
  return test::train(test::committed_task("language/" + model + "_tiny", out, set));
}

/// Bits per byte of the test rows that a run's own evaluation takes, by the model that its folder opens as.
double reopened_bits(const fs::path& run) {
  const c10::InferenceMode inference;
  const auto config = Config::load(run / "config.json");
  const auto data = config.at("data").as<language::DataOptions>();
  const auto evaluation = config.at("evaluation").as<language::EvaluationOptions>();
  const auto opened = language::open_text_model(run, {});
  const language::TextTokens text(data, *opened.tokenizer, opened.model->start());
  const auto rows = runtime::spread_items(text.rows(runtime::Split::test), evaluation.max_rows);
  const auto batch = text.batch(runtime::Split::test, {rows.data(), rows.size()});
  const auto nats = opened.model->token_losses(batch).nats.sum().item<double>();
  const auto bytes = static_cast<double>(batch.numel() - batch.size(0));  // an id is a byte here
  return nats / (std::numbers::ln2 * bytes);
}

Json text_cell(const Json& cell, const TempDir& temp) {
  plan::TableTask task{.compute = {.device = "cpu", .seed = {}, .quantize = {}},
                       .suite = Config({{"cells", Json::array({cell})}}, "suite.json"),
                       .folder = test::source_dir() / "configs" / "bench",
                       .out = temp / "out",
                       .only = {}};
  SilentProgress progress;
  return tasks::table(task, progress, test::kNeverStop);
}

double text_metric(const Json& result, const std::string& metric) {
  for (const auto& row : result["rows"]) {
    if (row["metric"] == metric) return row["measured"].get<double>();
  }
  FAIL("no metric is called " << metric << " in " << result["rows"].dump(1));
  return 0.0;
}

const std::string kTextLora = R"(training.lora={"r": 2, "alpha": 8, "target_modules": ["q_proj", "v_proj"]})";

}  // namespace

TEST_CASE("FiRST is trained in its phases, and a model with low-rank updates opens with them") {
  const TempDir temp;
  trained_text("decoder_lm",
               {"model={\"name\": \"decoder_lm\", \"architecture\": \"llama\", \"hidden_size\": 16, "
                "\"num_hidden_layers\": 3, \"num_attention_heads\": 2, \"intermediate_size\": 32}"},
               temp / "base");
  trained_text("first_lm",
               {"training.init_from=" + (temp / "base").string(), "training.init_except=[\"routers\"]",
                "training.trainable=[\"routers\"]"},
               temp / "routers");
  const std::vector<std::string> phase{"training.init_from=" + (temp / "routers").string(), kTextLora,
                                       "training.learning_rate=0.05"};
  const auto result = trained_text("first_lm", phase, temp / "tuned");
  CHECK(reopened_bits(temp / "tuned") == Approx(result["test"]["bits_per_byte"].get<double>()).epsilon(1e-4));
  CHECK(reopened_bits(temp / "routers") != Approx(reopened_bits(temp / "tuned")).epsilon(1e-4));
}

TEST_CASE("a cell looks into a trained language model: its size, its speed, what its layers are worth") {
  const TempDir temp;
  const std::string model = GENERATE("decoder_lm", "block_transformer", "first_lm", "structured_lm");
  const auto result = text_cell({{"name", "tiny"},
                                 {"config", "../language/" + model + "_tiny.json"},
                                 {"study", {{"rows", 3}, {"prompt", 4}, {"tokens", 6}, {"rounds", 1}}}},
                                temp);
  INFO(result.dump(1));
  REQUIRE(result["failed"] == 0);
  CHECK(text_metric(result, "parameters") > 1000);
  CHECK(text_metric(result, "tokens/s, 1 row") > 0);
  CHECK(text_metric(result, "tokens/s, 3 rows") > 0);
  if (model != "first_lm") return;
  // Untrained routers run nearly everything.
  CHECK(text_metric(result, "share of layers kept") == 1.0);
  CHECK(text_metric(result, "bits_per_byte, random layers") ==
        Approx(text_metric(result, "bits_per_byte, all layers")).epsilon(1e-6));
}

TEST_CASE("a cell measures how attention grows, and draws it") {
  const TempDir temp;
  const auto result = text_cell(
      {{"name", "growth"}, {"lengths", {16, 64}}, {"heads", 1}, {"head_width", 8}, {"rounds", 1}}, temp);
  INFO(result.dump(1));
  REQUIRE(result["failed"] == 0);
  for (const auto* kind : {"dense", "fixed", "logn", "rowmajor", "axial"})
    CHECK(text_metric(result, std::string(kind) + ": ms at 64 tokens") > 0);
  CHECK(fs::exists(temp / "out" / "growth" / "fp32" / "growth.svg"));
  const auto odd = text_cell({{"name", "growth"}, {"lengths", {16, 64}}, {"kinds", {"dense"}}}, temp);
  CHECK(odd["failed"] == 0);
}

TEST_CASE("a cell times structured feed-forward layers, and packed texts, beside plain ones") {
  const TempDir temp;
  const auto layers =
      text_cell({{"name", "layers"}, {"feed_forward", 24}, {"tokens", 20}, {"rounds", 1}}, temp);
  INFO(layers.dump(1));
  REQUIRE(layers["failed"] == 0);
  for (const auto* method : {"lowrank", "blockdense", "blockshuffle"})
    CHECK(text_metric(layers, std::string(method) + ": times as fast") > 0);
  const auto packed = text_cell({{"name", "packed"},
                                 {"fill", 0.5},
                                 {"texts", 3},
                                 {"longest", 8},
                                 {"width", 16},
                                 {"heads", 2},
                                 {"rounds", 1}},
                                temp);
  INFO(packed.dump(1));
  REQUIRE(packed["failed"] == 0);
  CHECK(text_metric(packed, "times as fast") > 0);
  CHECK(text_metric(packed, "1 / fill") == Approx(24.0 / 13.0));  // lengths 1, 4 and 8
}

TEST_CASE("training on a token file gives the same model as training on the text") {
  const TempDir temp;
  const auto plain = trained_text("decoder_lm", {}, temp / "plain");
  const auto tokens = "data.tokens=" + (temp / "text.tokens").string();
  for (const auto* name : {"made", "mapped"}) {
    const auto result = trained_text("decoder_lm", {tokens}, temp / name);
    CHECK(result["test"] == plain["test"]);
  }
  CHECK(fs::file_size(temp / "text.tokens") > 290'000);
}
