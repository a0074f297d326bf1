#include "forecast/forecast_model.h"

#include "forecast/experiment.h"
#include "runtime/named_tensors.h"
#include "runtime/safetensors.h"
#include "support/tiny_forecaster.h"

using namespace arzoo;
using forecast::ForecastExperiment;
using forecast::ForecastModel;
using forecast::SeriesForecast;
using test::hourly_table;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

/// A model with random weights, its scalers and intervals, made from a CSV file as training would save it.
fs::path saved_model(const TempDir& temp, const std::string& csv, const Json& changes = Json::object()) {
  torch::manual_seed(3);
  const auto path = temp.write("train.csv", csv);
  ForecastExperiment experiment(Config(test::tiny_config(path, changes), "tiny.json"), {});
  experiment.evaluate(runtime::Split::val);
  fs::create_directories(temp / "model");
  experiment.save(temp / "model");
  return temp / "model";
}

fs::path wide_model(const TempDir& temp, const Json& changes = Json::object()) {
  return saved_model(temp, test::wide_csv(hourly_table(200)), changes);
}

ForecastModel open(const fs::path& path) { return ForecastModel::open(path, std::nullopt, {}); }

SeriesForecast forecast_of(const ForecastModel& model, const io::SeriesTable& table, int64_t horizon,
                           const std::vector<double>& levels = {}) {
  return model.forecast({table}, horizon, levels).front();
}

/// The columns of a table in another order.
io::SeriesTable reordered(const io::SeriesTable& table, const std::vector<std::size_t>& order) {
  io::SeriesTable result = table;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (std::size_t c = 0; c < order.size(); ++c)
      result.values[row * order.size() + c] = table.at(row, order[c]);
  }
  for (std::size_t c = 0; c < order.size(); ++c) result.variates[c] = table.variates[order[c]];
  return result;
}

}  // namespace

TEST_CASE("a saved model says what it is when opened") {
  const TempDir temp;
  const auto model = open(wide_model(temp));
  CHECK(model.name() == "itransformer");
  CHECK(model.variates() == std::vector<std::string>{"a", "b", "c"});
  CHECK(model.frequency() == io::Frequency{io::Frequency::Unit::hour});
  CHECK(model.shape().seq_len == 12);
  CHECK(model.shape().marks == 4);
  CHECK(model.has_intervals());
  CHECK(model.parameters() > 0);
}

TEST_CASE("a run directory is opened at its model folder") {
  const TempDir temp;
  wide_model(temp);
  CHECK(open(temp.path()).name() == "itransformer");
}

TEST_CASE("forecasts are in the units of the input, as if computed by hand") {
  const TempDir temp;
  const auto model = open(wide_model(temp));
  const auto table = hourly_table(50, {"a", "b", "c"}, 300);
  const auto result = forecast_of(model, table, 4);
  CHECK(result.variates == std::vector<std::string>{"a", "b", "c"});
  // The scaler is that of the training file's first 70 %.
  const auto scaler = forecast::StandardScaler::fit(hourly_table(200).values, 3, 0, 140);
  auto batch = forecast::ForecastBatch{};
  batch.x_enc = at::empty({1, 12, 3});
  for (int64_t t = 0; t < 12; ++t) {
    for (int64_t c = 0; c < 3; ++c) batch.x_enc[0][t][c] = scaler.transform(test::wave(338 + t, c), c);
  }
  std::vector<io::Timestamp> stamps(table.stamps.end() - 12, table.stamps.end());
  batch.x_mark_enc = forecast::calendar_marks(stamps, table.frequency, 1).unsqueeze(0);
  const c10::InferenceMode inference;
  const auto scaled = model.module().forecast(batch)[0];
  for (int64_t t = 0; t < 4; ++t) {
    for (int64_t c = 0; c < 3; ++c) {
      CHECK(result.mean[t][c].item<double>() ==
            Approx(scaler.inverse(scaled[t][c].item<double>(), c)).epsilon(1e-5));
    }
  }
}

TEST_CASE("the stamps ahead follow the last row in the input's frequency") {
  const auto [unit, last, expected] =
      GENERATE(table<io::Frequency::Unit, io::CivilTime, std::vector<io::CivilTime>>({
          {io::Frequency::Unit::day, {2020, 2, 28}, {{2020, 2, 29}, {2020, 3, 1}, {2020, 3, 2}}},
          {io::Frequency::Unit::business_day, {2020, 5, 7}, {{2020, 5, 8}, {2020, 5, 11}, {2020, 5, 12}}},
          {io::Frequency::Unit::month, {2020, 11, 1}, {{2020, 12, 1}, {2021, 1, 1}, {2021, 2, 1}}},
      }));
  const TempDir temp;
  const auto model = open(wide_model(temp, {{"data", {{"marks", false}}}}));
  auto table = hourly_table(20);
  table.frequency = {unit};
  for (std::size_t row = 0; row < 20; ++row)
    table.stamps[row] = advance(io::to_timestamp(last), table.frequency, int64_t(row) - 19);
  const auto stamps = forecast_of(model, table, 3).stamps;
  REQUIRE(stamps.size() == 3);
  for (std::size_t step = 0; step < 3; ++step) CHECK(io::to_civil(stamps[step]) == expected[step]);
}

TEST_CASE("a long horizon equals feeding the forecasts back by hand") {
  const TempDir temp;
  const auto model = open(wide_model(temp));
  const auto table = hourly_table(40);
  const auto rolled = forecast_of(model, table, 10);
  auto grown = table;
  std::vector<at::Tensor> rounds;
  for (int round = 0; round < 3; ++round) {
    const auto next = forecast_of(model, grown, 4);
    rounds.push_back(next.mean);
    grown.stamps.insert(grown.stamps.end(), next.stamps.begin(), next.stamps.end());
    const auto flat = next.mean.contiguous();
    grown.values.insert(grown.values.end(), flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel());
  }
  CHECK(at::allclose(rolled.mean, at::cat(rounds).narrow(0, 0, 10), 1e-5, 1e-5));
  CHECK(std::equal(rolled.stamps.begin(), rolled.stamps.end(), grown.stamps.begin() + 40));
}

TEST_CASE("a shorter horizon is the start of the model's own") {
  const TempDir temp;
  const auto model = open(wide_model(temp));
  const auto full = forecast_of(model, hourly_table(40), 4, {80}),
             shorter = forecast_of(model, hourly_table(40), 2, {80});
  CHECK(at::equal(shorter.mean, full.mean.narrow(0, 0, 2)));
  CHECK(at::equal(shorter.intervals[0].high, full.intervals[0].high.narrow(0, 0, 2)));
}

TEST_CASE("many series in one call have the forecasts that each has alone, in input order") {
  const TempDir temp;
  const auto model = open(wide_model(temp));
  std::vector<io::SeriesTable> tables;
  for (int64_t i = 0; i < 300; ++i) tables.push_back(hourly_table(12 + i % 5, {"a", "b", "c"}, 17 * i));
  const auto together = model.forecast(tables, 6, {50});
  REQUIRE(together.size() == 300);
  for (const std::size_t i : {0, 1, 255, 256, 299}) {
    INFO("series " << i);
    const auto alone = forecast_of(model, tables[i], 6, {50});
    CHECK(at::allclose(together[i].mean, alone.mean, 1e-5, 1e-4));
    CHECK((together[i].stamps == alone.stamps));
  }
}

TEST_CASE("columns are found by their names, not by their places") {
  const TempDir temp;
  const auto model = open(wide_model(temp));
  const auto table = hourly_table(40);
  const auto crossed = forecast_of(model, reordered(table, {2, 0, 1}), 4);
  CHECK(crossed.variates == std::vector<std::string>{"a", "b", "c"});
  CHECK(at::equal(crossed.mean, forecast_of(model, table, 4).mean));
}

TEST_CASE("only the last seq_len rows count") {
  const TempDir temp;
  const auto model = open(wide_model(temp));
  CHECK(at::equal(forecast_of(model, hourly_table(40), 4).mean,
                  forecast_of(model, hourly_table(12, {"a", "b", "c"}, 28), 4).mean));
}

TEST_CASE("MS forecasts the target alone, S needs the target alone") {
  const auto features = GENERATE("MS", "S");
  const TempDir temp;
  const auto model = open(wide_model(temp, {{"data", {{"features", features}, {"target", "b"}}}}));
  const auto result = forecast_of(model, hourly_table(40), 4, {80});
  CHECK(result.variates == std::vector<std::string>{"b"});
  CHECK(result.mean.sizes() == at::IntArrayRef({4, 1}));
  CHECK(result.intervals[0].low.sizes() == at::IntArrayRef({4, 1}));
  // In the units of b, which lies around 100.
  CHECK(result.mean.mean().item<double>() == Approx(100.0).margin(40.0));
  CHECK(at::equal(forecast_of(model, reordered(hourly_table(40), {1, 2, 0}), 4).mean, result.mean));
}

TEST_CASE("an MS model rolls beyond its horizon only with forecasts of all variates") {
  const TempDir temp;
  const auto model = open(wide_model(temp, {{"data", {{"features", "MS"}, {"target", "b"}}}}));
  CHECK(forecast_of(model, hourly_table(40), 9).mean.sizes() == at::IntArrayRef({9, 1}));
}

TEST_CASE("intervals are in the units of the input and widen with the level") {
  const TempDir temp;
  const auto model = open(wide_model(temp));
  const auto result = forecast_of(model, hourly_table(40), 4, {50, 80, 94});
  REQUIRE(result.intervals.size() == 3);
  CHECK(result.intervals[0].level == 50);
  CHECK(result.intervals[0].high.gt(result.mean).all().item<bool>());
  for (std::size_t wider = 1; wider < 3; ++wider) {
    CHECK(result.intervals[wider].high.ge(result.intervals[wider - 1].high).all().item<bool>());
    CHECK(result.intervals[wider].low.le(result.intervals[wider - 1].low).all().item<bool>());
  }
}

TEST_CASE("each series of a long file has the scaler that it was trained with") {
  const TempDir temp;
  auto low = hourly_table(200, {"y"}), high = hourly_table(200, {"y"});
  low.unique_id = "low";
  high.unique_id = "high";
  for (double& value : high.values) value = value * 1000;
  const auto model = open(saved_model(temp, test::long_csv({low, high})));
  const auto results = model.forecast({high, low}, 4, {});
  CHECK(results[0].unique_id == "high");
  CHECK(at::allclose(results[0].mean, results[1].mean * 1000, 1e-4));
  // A series that it has not seen is scaled by its own rows.
  auto unseen = low;
  unseen.unique_id = "unseen";
  for (double& value : unseen.values) value = value - 5000;
  CHECK(forecast_of(model, unseen, 4).mean.mean().item<double>() == Approx(-4950).margin(20));
}

TEST_CASE("a table that does not fit is refused with what is wrong") {
  const TempDir temp;
  const auto model = open(wide_model(temp));
  CHECK_THROWS_WITH(forecast_of(model, hourly_table(11), 4),
                    "waves.csv: series \"waves.csv\" has 11 rows, the model needs a context of 12 (seq_len; "
                    "give it more rows, lengthen it with --pad-short, or train with a shorter one)");
  CHECK_THROWS_WITH(forecast_of(model, hourly_table(40, {"a", "b"}), 4),
                    "waves.csv: 2 variates, the model expects 3 (missing: \"c\")");
  CHECK_THROWS_WITH(forecast_of(model, hourly_table(40, {"a", "b", "c", "wind"}), 4),
                    ContainsSubstring("waves.csv: the model was not trained on the variate \"wind\"") &&
                        ContainsSubstring("it knows \"a\", \"b\", \"c\""));
  auto minutes = hourly_table(40);
  minutes.frequency = {io::Frequency::Unit::minute, 15};
  CHECK_THROWS_WITH(forecast_of(model, minutes, 4),
                    "waves.csv: its frequency 15min has 5 calendar features, the model was trained with 4 "
                    "(another frequency?)");
  CHECK_THROWS_AS(forecast_of(model, hourly_table(11), 4), DataError);
}

TEST_CASE("one bad table among many is refused before anything is forecast") {
  const TempDir temp;
  const auto model = open(wide_model(temp));
  CHECK_THROWS_AS(model.forecast({hourly_table(40), hourly_table(5)}, 4, {}), DataError);
}

TEST_CASE("a folder that is no model says what is missing") {
  const TempDir temp;
  CHECK_THROWS_WITH(
      open(temp / "none"),
      (temp / "none").string() +
          ": no such file or folder (expected a run directory, a checkpoint folder or a weights file)");
  CHECK_THROWS_WITH(open(temp.path()),
                    temp.path().string() +
                        ": no config.json in it (expected a run directory or a checkpoint folder; did "
                        "the run save a model yet?)");
  const auto weights = wide_model(temp) / "model.safetensors";
  CHECK_THROWS_WITH(open(weights),
                    weights.string() + ": a weights file needs its configuration as well (--config FILE)");
}

TEST_CASE("a weights file with the official flat config forecasts any file of as many variates") {
  const TempDir temp;
  const auto weights = wide_model(temp) / "model.safetensors";
  const auto config = temp.write(
      "official.json", R"({"model": "iTransformer", "seq_len": 12, "label_len": 6, "pred_len": 4, "enc_in": 3,
                                                      "d_model": 16, "n_heads": 2, "e_layers": 1, "d_ff": 16, "freq": "h"})");
  const auto model = ForecastModel::open(weights, Config::load(config), {});
  CHECK_FALSE(model.has_intervals());
  const auto result = forecast_of(model, hourly_table(40, {"x", "y", "z"}), 4);
  CHECK(result.variates == std::vector<std::string>{"x", "y", "z"});
  CHECK(result.mean.isfinite().all().item<bool>());
  CHECK_THROWS_AS(forecast_of(model, hourly_table(40, {"x", "y"}), 4), DataError);
}

TEST_CASE("weights of another architecture are refused, all that is wrong in one message") {
  const TempDir temp;
  const auto folder = wide_model(temp);
  auto config = Json::parse(test::read_file(folder / "config.json"));
  config["model"]["e_layers"] = 2;
  temp.write("model/config.json", config.dump());
  CHECK_THROWS_AS(open(folder), CheckpointError);
  CHECK_THROWS_WITH(open(folder),
                    ContainsSubstring("missing") && ContainsSubstring("encoder.attn_layers.1."));
}

TEST_CASE("a model's config that contradicts itself is refused, not followed") {
  const auto patch = GENERATE(
      R"({"shape": {"enc_in": 4}})", R"({"shape": {"enc_in": 2}})", R"({"variates": ["a", "b"]})",
      R"({"variates": []})", R"({"shape": {"c_out": 9}})",
      R"({"scalers": {"train.csv": {"mean": [1.0], "scale": [1.0]}}})", R"({"shape": {"seq_len": 13}})",
      R"({"shape": {"label_len": 99}})", R"({"freq": "fortnight"})", R"({"data": {"features": "X"}})");
  const TempDir temp;
  const auto folder = wide_model(temp);
  auto config = Json::parse(test::read_file(folder / "config.json"));
  auto change = Json::parse(patch);
  if (change.contains("scalers"))
    change["scalers"] = {{config["scalers"].begin().key(), change["scalers"]["train.csv"]}};
  config.merge_patch(change);
  temp.write("model/config.json", config.dump());
  INFO(patch);
  CHECK_THROWS_AS(open(folder), Error);
}

TEST_CASE("intervals of another shape than the model's are refused") {
  const TempDir temp;
  const auto folder = wide_model(temp);
  const auto sizes = GENERATE(std::vector<int64_t>{5, 4, 2}, std::vector<int64_t>{5, 3, 3},
                              std::vector<int64_t>{5, 4}, std::vector<int64_t>{0, 4, 3});
  runtime::write_safetensors(folder / "conformal.safetensors", {{"residuals", at::ones(sizes)},
                                                                {"places", at::arange(1, sizes[0] + 1)},
                                                                {"counts", at::full({4, 3}, 9, at::kLong)}});
  CHECK_THROWS_AS(forecast_of(open(folder), hourly_table(40), 4, {80}), Error);
}
