// Time-MoE trained on series without a calendar, from its data to its forecasts.

#include "forecast/forecast_model.h"
#include "support/sequences.h"
#include "support/tasks.h"

using namespace arzoo;
using forecast::ForecastModel;
using test::TempDir;

TEST_CASE(
    "a run on sequences, packed or not, logs its router and leaves a folder that forecasts any series") {
  const auto* windows = GENERATE("apart", "packed");
  const TempDir temp;
  const auto config = test::sequence_config(
      temp.write("a.jsonl", test::sequence_lines(8)),
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

TEST_CASE("models that are not pre-trained on windows refuse sequences") {
  const TempDir temp;
  auto config = test::sequence_config(temp.write("a.jsonl", test::sequence_lines(1)));
  config["model"] = {{"name", "itransformer"}};
  CHECK_THROWS_WITH(plan::resolve_run_config(Config(config, "seq.json"), "."),
                    ContainsSubstring("seq.json: /data/sequences: itransformer cannot be trained"));
}
