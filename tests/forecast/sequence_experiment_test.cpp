#include "forecast/sequence_experiment.h"

#include "runtime/initial_weights.h"
#include "support/sequences.h"

using namespace arzoo;
using forecast::SequenceExperiment;
using runtime::Split;
using test::sequence_config;
using test::sequence_lines;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

std::unique_ptr<SequenceExperiment> sequence_experiment(const Json& config) {
  torch::manual_seed(3);
  return std::make_unique<SequenceExperiment>(Config(config, "seq.json"), runtime::Compute{});
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
  const auto experiment = sequence_experiment(sequence_config(temp.write("a.jsonl", sequence_lines(8))));
  // Series 3 and 7 of 70 and 110 points: two and four windows of 24.
  CHECK(experiment->windows(Split::val) == 2 + 4);
  CHECK(experiment->windows(Split::train) == 1 + 2 + 2 + 3 + 3 + 4);
  REQUIRE(experiment->notes().size() == 1);
  CHECK_THAT(experiment->notes()[0], ContainsSubstring("8 series, 15 training windows of 24 points"));
}

TEST_CASE("validation errors are means over all labels that count, whatever the batches") {
  const auto batch_size = GENERATE(int64_t{1}, int64_t{100});
  const TempDir temp;
  const auto data = temp.write("a.jsonl", sequence_lines(8) + "[1, 2, 4]\n[1, 2, 4]\n[1, 2, 4]\n[1, 2, 4]\n");
  const auto usual = sequence_experiment(sequence_config(data))->evaluate(Split::val),
             other =
                 sequence_experiment(sequence_config(data, {{"evaluation", {{"batch_size", batch_size}}}}))
                     ->evaluate(Split::val);
  REQUIRE(usual.size() == 3);
  for (const auto* name : {"huber", "huber_1", "huber_8"})
    CHECK(metric(other, name) == Approx(metric(usual, name)).epsilon(1e-5));
  CHECK(metric(usual, "huber") == Approx((metric(usual, "huber_1") + metric(usual, "huber_8")) / 2));
}

TEST_CASE("the router's loads of a step are shares of its tokens, and none is dropped") {
  const TempDir temp;
  const auto experiment = sequence_experiment(sequence_config(temp.write("a.jsonl", sequence_lines(8))));
  const auto statistics = experiment->loss(0).statistics();
  REQUIRE(statistics.size() == 1 + 2 * 3);
  CHECK(metric(statistics, "router/dropped") == 0.0);
  for (const auto* layer : {"expert_load_layer_0/expert_", "expert_load_layer_1/expert_"}) {
    double all = 0.0;
    for (const auto* expert : {"0", "1", "2"}) all += metric(statistics, std::string(layer) + expert);
    CHECK(all == Approx(1.0));
  }
}

TEST_CASE("training starts from a published folder, bf16 weights included") {
  const auto type = GENERATE(at::kFloat, at::kBFloat16);
  const TempDir temp;
  const auto data = temp.write("a.jsonl", sequence_lines(8));
  const auto source = sequence_experiment(sequence_config(data));
  fs::create_directories(temp / "hub");
  source->model().to(type);
  source->save(temp / "hub");
  const auto config =
      sequence_config(data, {{"seed", 9}, {"training", {{"init_from", (temp / "hub").string()}}}});
  const auto tuned = sequence_experiment(config);
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
        "/data/sequences: stride cannot be combined"},
       {"[1, 2, 3]\n", R"({"data": {"path": "x.csv"}})", "cannot be given together"}}));
  INFO(message);
  const auto data = temp.write("a.jsonl", text);
  CHECK_THROWS_WITH(sequence_experiment(sequence_config(data, Json::parse(changes))),
                    ContainsSubstring(message));
}
