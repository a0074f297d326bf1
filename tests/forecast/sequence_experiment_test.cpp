#include "forecast/sequence_experiment.h"

#include <cmath>

#include "forecast/forecast_model.h"
#include "runtime/initial_weights.h"
#include "runtime/safetensors.h"
#include "support/one_thread.h"
#include "support/series.h"
#include "support/tasks.h"

using namespace arzoo;
using forecast::ForecastModel;
using forecast::SequenceExperiment;
using runtime::Split;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

/// Waves of unequal length and scale, one a line.
std::string lines(int64_t series) {
  std::string text;
  for (int64_t i = 0; i < series; ++i) {
    text += "{\"sequence\": [";
    for (int64_t hour = 0; hour < 40 + 10 * i; ++hour)
      text += fmt::format("{}{}", hour > 0 ? ", " : "", test::wave(hour, i));
    text += "]}\n";
  }
  return text;
}

Json config_of(const fs::path& data, const Json& changes = Json::object()) {
  Json config = Json::parse(R"({
    "model": {"name": "time_moe", "hidden_size": 16, "intermediate_size": 20, "horizon_lengths": [1, 8],
              "num_hidden_layers": 2, "num_attention_heads": 2, "num_experts": 3, "initializer_range": 0.3},
    "data": {"sequences": {"max_length": 24, "validation": 0.25}},
    "training": {"epochs": 2, "batch_size": 4, "optimizer": "adamw", "learning_rate": 0.001, "log_every": 2},
    "evaluation": {"batch_size": 3},
    "seed": 1
  })");
  config["data"]["sequences"]["path"] = data.string();
  config.merge_patch(changes);
  return config;
}

std::unique_ptr<SequenceExperiment> experiment_of(const Json& config) {
  torch::manual_seed(3);
  return std::make_unique<SequenceExperiment>(
      Config(plan::resolve_run_config(Config(config, "seq.json"), "."), "seq.json"), runtime::Compute{});
}

double metric(const runtime::Metrics& metrics, const std::string& name) {
  for (const auto& [key, value] : metrics) {
    if (key == name) return value;
  }
  throw std::out_of_range(name);
}

}  // namespace

TEST_CASE("every fourth series validates with a share of a quarter, the others train") {
  const TempDir temp;
  const auto experiment = experiment_of(config_of(temp.write("a.jsonl", lines(8))));
  // Series 3 and 7 of 70 and 110 points: two and four windows of 24.
  CHECK(experiment->windows(Split::val) == 2 + 4);
  CHECK(experiment->windows(Split::train) == 1 + 2 + 2 + 3 + 3 + 4);
  REQUIRE(experiment->notes().size() == 1);
  CHECK_THAT(experiment->notes()[0], ContainsSubstring("8 series, 15 training windows of 24 points"));
}

TEST_CASE("validation errors are means over all labels that count, whatever the batches") {
  const auto batch_size = GENERATE(int64_t{1}, int64_t{100});
  const TempDir temp;
  const auto data = temp.write("a.jsonl", lines(8) + "[1, 2, 4]\n[1, 2, 4]\n[1, 2, 4]\n[1, 2, 4]\n");
  const auto usual = experiment_of(config_of(data))->evaluate(Split::val),
             other = experiment_of(config_of(data, {{"evaluation", {{"batch_size", batch_size}}}}))
                         ->evaluate(Split::val);
  REQUIRE(usual.size() == 3);
  for (const auto* name : {"huber", "huber_1", "huber_8"})
    CHECK(metric(other, name) == Approx(metric(usual, name)).epsilon(1e-5));
  CHECK(metric(usual, "huber") == Approx((metric(usual, "huber_1") + metric(usual, "huber_8")) / 2));
}

TEST_CASE("the router's loads of a step are shares of its tokens, and none is dropped") {
  const TempDir temp;
  const auto experiment = experiment_of(config_of(temp.write("a.jsonl", lines(8))));
  const auto statistics = experiment->loss(0).statistics();
  REQUIRE(statistics.size() == 1 + 2 * 3);
  CHECK(metric(statistics, "router/dropped") == 0.0);
  for (const auto* layer : {"expert_load_layer_0/expert_", "expert_load_layer_1/expert_"}) {
    double all = 0.0;
    for (const auto* expert : {"0", "1", "2"}) all += metric(statistics, std::string(layer) + expert);
    CHECK(all == Approx(1.0));
  }
}

TEST_CASE(
    "a run on sequences, packed or not, logs its router and leaves a folder that forecasts any series") {
  const auto* windows = GENERATE("apart", "packed");
  const TempDir temp;
  const auto config = config_of(
      temp.write("a.jsonl", lines(8)),
      {{"data", {{"sequences", {{"windows", windows}}}}}, {"training", {{"accumulation_steps", 2}}}});
  const auto result = test::train(config, temp / "run");
  CHECK(result["best"]["val"]["huber"].get<double>() > 0);
  const auto log = test::read_file(temp / "run/metrics.jsonl");
  for (const auto* name :
       {"\"huber_8\"", "\"router/balance\"", "\"router/dropped\":0", "\"expert_load_layer_1/expert_2\""}) {
    INFO(name);
    CHECK_THAT(log, ContainsSubstring(name));
  }
  const auto report = test::read_file(temp / "run/report.html");
  CHECK_THAT(report, ContainsSubstring("expert load layer 1"));
  const auto official = Json::parse(test::read_file(temp / "run/model/config.json"));
  CHECK(official["model_type"] == "time_moe");
  CHECK(official["horizon_lengths"] == Json::array({1, 8}));
  const auto model = ForecastModel::open(temp / "run", std::nullopt, {});
  CHECK(model.is_zero_shot());
  const auto forecast = model.forecast({test::hourly_table(30, {"x", "y"})}, 20, {}).front();
  CHECK(forecast.mean.sizes() == at::IntArrayRef({20, 2}));
  CHECK(forecast.mean.isfinite().all().item<bool>());
}

TEST_CASE("training starts from a published folder, bf16 weights included") {
  const auto type = GENERATE(at::kFloat, at::kBFloat16);
  const TempDir temp;
  const auto data = temp.write("a.jsonl", lines(8));
  const auto source = experiment_of(config_of(data));
  fs::create_directories(temp / "hub");
  source->model().to(type);
  source->save(temp / "hub");
  const auto config = config_of(data, {{"seed", 9}, {"training", {{"init_from", (temp / "hub").string()}}}});
  const auto tuned = experiment_of(config);
  runtime::TrainingOptions options;
  options.init_from = (temp / "hub").string();
  runtime::load_initial_weights(tuned->model(), options);
  for (const auto& entry : tuned->model().named_parameters()) {
    CHECK(entry.value().scalar_type() == at::kFloat);
    CHECK(at::equal(entry.value(), source->model().named_parameters()[entry.key()].to(at::kFloat)));
  }
}

TEST_CASE("what cannot be trained on is named") {
  const TempDir temp;
  const auto [text, changes, message] = GENERATE(table<std::string, std::string, std::string>(
      {{"[1]\n[2]\n", "{}", "hold no window to train on, expected at least one of 2 points"},
       {"[1, 2, 3]\n", R"({"data": {"sequences": {"windows": "packed"}}})", "expected at least 25 points"},
       {"[1, 2, 3]\n", R"({"model": {"input_size": 2}})", "/model/input_size: 2 numbers in a point"},
       {"[1, 2, 3]\n", R"({"data": {"sequences": {"windows": "packed", "stride": 2}}})",
        "/data/sequences: stride does not go"},
       {"[1, 2, 3]\n", R"({"data": {"path": "x.csv"}})", "cannot be given together"}}));
  INFO(message);
  const auto data = temp.write("a.jsonl", text);
  CHECK_THROWS_WITH(experiment_of(config_of(data, Json::parse(changes))), ContainsSubstring(message));
}

TEST_CASE("models that are not pre-trained on windows refuse sequences") {
  const TempDir temp;
  auto config = config_of(temp.write("a.jsonl", lines(1)));
  config["model"] = {{"name", "itransformer"}};
  CHECK_THROWS_WITH(plan::resolve_run_config(Config(config, "seq.json"), "."),
                    ContainsSubstring("seq.json: /data/sequences: itransformer cannot be trained"));
}
