// A model trained on a mixture of files, from its data to its forecasts.

#include "forecast/experiment.h"
#include "forecast/forecast_model.h"
#include "plan/run_config.h"
#include "support/tiny_forecaster.h"

using namespace arzoo;
using forecast::ForecastExperiment;
using forecast::ForecastModel;
using runtime::Split;
using test::hourly_table;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

Json mixture_config(const TempDir& temp, const std::string& model = "gpht") {
  Json config = Json::parse(R"({
    "model": {"name": "gpht", "token_len": 4, "GT_d_model": 8, "n_heads": 2, "GT_e_layers": 1, "GT_d_ff": 16, "depth": 2,
              "GT_pooling_rate": [2, 1]},
    "data": {"marks": false, "seq_len": 12, "label_len": 0, "pred_len": 8},
    "training": {"epochs": 1, "batch_size": 16},
    "evaluation": {},
    "seed": 1,
    "output": "unused"
  })");
  if (model == "itransformer") config["model"] = {{"name", model}};
  config["data"]["sources"] = {
      {{"path", temp.write("first.csv", test::wide_csv(hourly_table(120, {"a", "b"}))).string()}},
      {{"path", temp.write("second.csv", test::wide_csv(hourly_table(60, {"c"}))).string()}}};
  return config;
}

std::unique_ptr<ForecastExperiment> experiment_of(const Json& config) {
  torch::manual_seed(3);
  return std::make_unique<ForecastExperiment>(Config(config, "mix.json"), runtime::Compute{});
}

ForecastModel saved_and_opened(const TempDir& temp) {
  const auto experiment = experiment_of(mixture_config(temp));
  experiment->evaluate(Split::val);
  fs::create_directories(temp / "model");
  experiment->save(temp / "model");
  return ForecastModel::open(temp / "model", std::nullopt, {});
}

}  // namespace

TEST_CASE("a mixture trains, is told, and evaluates as many windows as asked for") {
  const TempDir temp;
  auto config = mixture_config(temp);
  const auto whole = experiment_of(config);
  CHECK(std::isfinite(whole->loss(3).total.item<double>()));
  REQUIRE(whole->notes().size() == 1);
  CHECK_THAT(whole->notes()[0], ContainsSubstring("a mixture of 3 series"));
  config["evaluation"]["max_windows"] = 5;
  CHECK(experiment_of(config)->evaluate(Split::test) != whole->evaluate(Split::test));
  config["evaluation"]["max_windows"] = 1'000'000;
  CHECK(experiment_of(config)->evaluate(Split::test) == whole->evaluate(Split::test));
  CHECK(whole->showcase().front().content.size() == 1);
}

TEST_CASE("the order of a mixture's items is the seed's, wherever a run begins") {
  const TempDir temp;
  const auto config = mixture_config(temp);
  const auto one = experiment_of(config), other = experiment_of(config);
  one->model().eval();
  other->model().eval();
  for (int64_t batch = 0; batch < 9; ++batch) one->loss(batch);
  CHECK(one->loss(9).total.item<double>() == other->loss(9).total.item<double>());
}

TEST_CASE("a mixture's model forecasts tables of any columns, each column by itself") {
  const TempDir temp;
  const auto model = saved_and_opened(temp);
  const auto table = hourly_table(40, {"x", "y", "z"});
  const auto together = model.forecast({table, hourly_table(30, {"w"})}, 20, {80});
  REQUIRE(together.size() == 2);
  CHECK(together[0].variates == table.variates);
  CHECK(together[0].mean.sizes() == at::IntArrayRef({20, 3}));
  CHECK(together[0].intervals[0].low.sizes() == at::IntArrayRef({20, 3}));
  CHECK(together[1].mean.sizes() == at::IntArrayRef({20, 1}));
  io::SeriesTable alone = hourly_table(40, {"y"});
  for (std::size_t row = 0; row < table.rows(); ++row) alone.values[row] = table.at(row, 1);
  CHECK(at::allclose(model.forecast({alone}, 20, {})[0].mean.select(1, 0), together[0].mean.select(1, 1),
                     1e-5, 1e-4));
}

TEST_CASE("a series of the mixture is scaled as in training, another one by its own rows") {
  const TempDir temp;
  const auto model = saved_and_opened(temp);
  auto known = hourly_table(60, {"c"}), foreign = known;
  known.unique_id = io::read_series(temp / "second.csv").tables[0].unique_id;
  // 60 rows from the first on: training saw 42 of them.
  const auto as_trained = model.forecast({known}, 4, {})[0].mean,
             by_itself = model.forecast({foreign}, 4, {})[0].mean;
  CHECK_FALSE(at::equal(as_trained, by_itself));
  // The window's own normalisation makes up for it almost entirely.
  CHECK(at::allclose(as_trained, by_itself, 1e-3, 1e-2));
}

TEST_CASE("models that mix variates are not trained on mixtures") {
  const TempDir temp;
  const auto resolve = [&](const std::string& model) {
    return plan::resolve_run_config(Config(mixture_config(temp, model), "mix.json"), ".");
  };
  CHECK_NOTHROW(resolve("gpht"));
  CHECK_THROWS_WITH(resolve("itransformer"),
                    ContainsSubstring("mix.json: /data/sources: itransformer mixes the variates"));
}

TEST_CASE("a model's demands on the lengths are checked with the config") {
  const TempDir temp;
  auto config = mixture_config(temp);
  config["data"]["seq_len"] = 13;
  CHECK_THROWS_WITH(plan::resolve_run_config(Config(config, "mix.json"), "."),
                    ContainsSubstring("mix.json: /model: seq_len (13) must be a multiple of token_len (4)"));
}

TEST_CASE("a model of any length that was trained on scaled windows forecasts any series, with intervals") {
  const TempDir temp;
  auto config = mixture_config(temp);
  config["model"] = Json::parse(R"({"name": "time_moe", "hidden_size": 8, "intermediate_size": 8,
      "horizon_lengths": [1, 8], "num_hidden_layers": 1, "num_attention_heads": 2, "num_experts": 2})");
  config["data"]["scale_windows"] = true;
  config["data"]["mixed_windows"] = 3;
  const auto experiment = experiment_of(config);
  CHECK(std::isfinite(experiment->loss(0).total.item<double>()));
  CHECK(experiment->evaluate(Split::val)[0].second > 0);
  CHECK(experiment->showcase().front().content.size() == 1);
  fs::create_directories(temp / "model");
  experiment->save(temp / "model");
  const auto model = ForecastModel::open(temp / "model", std::nullopt, {});
  REQUIRE(model.is_zero_shot());
  // Windows of 12 + 8 steps.
  CHECK(model.most_context(8) == 12);
  CHECK(model.most_context(4) == 16);
  auto table = hourly_table(7, {"x", "y"});
  const auto forecast = model.forecast({table}, 8, {80}).front();
  CHECK(forecast.mean.sizes() == at::IntArrayRef({8, 2}));
  for (auto& value : table.values) value = 10 * value + 3;
  const auto scaled = model.forecast({table}, 8, {80}).front();
  CHECK(at::allclose(scaled.mean, forecast.mean * 10 + 3, 1e-3, 1e-1));
  CHECK(at::allclose(scaled.intervals[0].high - scaled.mean,
                     (forecast.intervals[0].high - forecast.mean) * 10, 1e-3));
}

TEST_CASE("scaled windows are for models of any length and for series of one variate") {
  const TempDir temp;
  auto config = mixture_config(temp);
  config["data"]["scale_windows"] = true;
  CHECK_THROWS_WITH(
      plan::resolve_run_config(Config(config, "mix.json"), "."),
      ContainsSubstring("mix.json: /data/scale_windows: gpht cannot be trained to forecast any"));
  config["data"]["scale_windows"] = false;
  config["data"]["mixed_windows"] = 2;
  CHECK_THROWS_WITH(plan::resolve_run_config(Config(config, "mix.json"), "."),
                    ContainsSubstring("mixed_windows requires scale_windows"));
}
