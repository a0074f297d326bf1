// Covariates from the file to the forecast: what is trained with them, what they change, and what is refused.

#include "forecast/commands/forecast_stream.h"
#include "forecast/run_check.h"
#include "support/forecast_runs.h"

using namespace arzoo;
using test::forecast_task;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

/// A number in [0, 1) that is the same on every machine and that nothing predicts (splitmix64).
double scattered(int64_t i) {
  auto x = static_cast<std::uint64_t>(i) * 0x9E3779B97F4A7C15U + 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
  return static_cast<double>((x ^ (x >> 31U)) >> 11U) * 0x1.0p-53;
}

bool promoted(int64_t hour, int64_t shop) { return scattered(8 * hour + shop) < 0.4; }

/// Rows [first, last) of a shop: y follows the promotion and the weather of the same hour. `future`: without
/// the columns that nobody knows ahead.
void write_shop(io::CsvText& csv, int64_t shop, int64_t first, int64_t last, bool future = false) {
  for (int64_t hour = first; hour < last; ++hour) {
    const bool promotion = promoted(hour, shop), sun = scattered(8 * hour + 2 + shop) < 0.5;
    csv.cell(shop == 0 ? "north" : "south").cell(test::stamp_text(hour));
    csv.cell(promotion ? 1.0 : 0.0).cell(sun ? "sun" : "rain");
    if (!future) {
      csv.cell(20.0 + 5.0 * static_cast<double>(shop) + (promotion ? 10.0 : 0.0) + (sun ? 4.0 : 0.0) +
               scattered(8 * hour + 4));
      csv.cell(scattered(8 * hour + 5)).cell(shop == 0 ? "city" : "village");
    }
    csv.end_row();
  }
}

std::string shops(int64_t first, int64_t last) {
  io::CsvText csv;
  for (const char* name : {"unique_id", "ds", "promotion", "weather", "y", "visitors", "region"})
    csv.cell(name);
  csv.end_row();
  for (const int64_t shop : {0, 1}) write_shop(csv, shop, first, last);
  return csv.take();
}

std::string shops_ahead(int64_t first, int64_t last) {
  io::CsvText csv;
  for (const char* name : {"unique_id", "ds", "promotion", "weather"}) csv.cell(name);
  csv.end_row();
  for (const int64_t shop : {0, 1}) write_shop(csv, shop, first, last, /*future=*/true);
  return csv.take();
}

const Json kParts{{"targets", {"y"}},
                  {"past_covariates", {"visitors"}},
                  {"future_covariates", {"promotion", "weather"}},
                  {"static_covariates", {"region"}}};

/// A run on the shops' first 200 hours, with changes of its data section.
fs::path shop_run(const TempDir& temp, const Json& data = Json::object()) {
  Json parts = kParts;
  parts.merge_patch(data);
  return test::trained_run(temp, shops(0, 200), {{"data", parts}});
}

plan::ForecastTask shop_task(const TempDir& temp, const fs::path& run) {
  auto task = forecast_task(run, {temp.write("new.csv", shops(300, 340))}, temp / "out.csv");
  task.future = temp.write("future.csv", shops_ahead(340, 344));
  return task;
}

std::vector<double> forecasts(const fs::path& path) {
  const test::CsvRows rows(path);
  std::vector<double> values;
  for (std::size_t row = 0; row < rows.table.rows(); ++row) values.push_back(rows.number(row, "yhat"));
  return values;
}

}  // namespace

TEST_CASE("a model with covariates forecasts its targets alone, by what is known of the steps ahead") {
  const TempDir temp;
  auto task = shop_task(temp, shop_run(temp));
  task.levels = {80};
  const auto result = test::forecast(task);
  CHECK(result["series"] == 2);
  CHECK(result["rows"] == 2 * test::kHorizon);
  const test::CsvRows rows(temp / "out.csv");
  CHECK(rows.text(0, "unique_id") == "north");
  CHECK(rows.text(4, "unique_id") == "south");
  CHECK(rows.text(0, "ds") == test::stamp_text(340));
  const auto known = forecasts(temp / "out.csv");
  // Other promotions ahead are another forecast.
  auto other = test::read_file(*task.future);
  for (auto at = other.find(",1,"); at != std::string::npos; at = other.find(",1,", at)) other[at + 1] = '0';
  task.future = temp.write("other.csv", other);
  test::forecast(task);
  CHECK(forecasts(temp / "out.csv") != known);
}

TEST_CASE("a saved model keeps the parts of its columns, and inspect shows them") {
  const TempDir temp;
  const auto run = shop_run(temp, {{"targets", Json::array()}, {"categories", {"promotion"}}});
  SilentProgress progress;
  const auto columns = tasks::inspect({run}, progress, test::kNeverStop)["columns"];
  CHECK(columns["targets"] == Json{"y"});
  CHECK(columns["past_covariates"] == Json{"visitors"});
  CHECK(columns["future_covariates"] == Json({"promotion", "weather"}));
  CHECK(columns["static_covariates"] == Json{"region"});
  CHECK(columns["categories"]["weather"] == Json({"rain", "sun"}));
  CHECK(columns["categories"]["promotion"] == Json({"0", "1"}));
  CHECK(columns["categories"]["region"] == Json({"city", "village"}));
  CHECK(test::forecast(shop_task(temp, run))["rows"] == 2 * test::kHorizon);
}

TEST_CASE("a model without parts says nothing of columns") {
  const TempDir temp;
  SilentProgress progress;
  CHECK_FALSE(tasks::inspect({test::wide_run(temp)}, progress, test::kNeverStop).contains("columns"));
}

TEST_CASE("a backtest knows of the stretch what is known ahead, and nothing else") {
  const TempDir temp;
  const auto run = shop_run(temp);
  auto task = shop_task(temp, run);
  task.future.reset();
  task.inputs = {temp.write("longer.csv", shops(300, 344))};
  task.backtest = 1;
  test::forecast(task);
  const auto tested = forecasts(temp / "out.csv");
  test::forecast(shop_task(temp, run));
  CHECK(tested == forecasts(temp / "out.csv"));
}

TEST_CASE("forecasts that lack what the model needs are refused") {
  const TempDir temp;
  const auto run = shop_run(temp);
  auto task = shop_task(temp, run);
  const auto refused = [&](const std::string& message) {
    CHECK_THROWS_WITH(test::forecast(task), ContainsSubstring(message));
    CHECK_FALSE(fs::exists(temp / "out.csv"));
  };
  SECTION("what is known ahead") {
    task.future.reset();
    refused(
        "--future is required: the model itransformer was trained with covariates that are known ahead "
        "(\"promotion\", \"weather\"), give a file with them for each step to forecast");
  }
  SECTION("past covariates beyond pred_len") {
    task.horizon = 5;
    task.future = temp.write("future.csv", shops_ahead(340, 345));
    refused(
        "--horizon 5: beyond 4 steps the model would need the past covariates \"visitors\" of the steps "
        "ahead");
  }
  SECTION("a series of the future table") {
    const auto text = test::read_file(*task.future);
    task.future = temp.write("future.csv", text.substr(0, text.find("south")));
    refused("series \"south\": no row for " + test::stamp_text(340));
  }
  SECTION("a column of the input") {
    task.inputs = {temp.write("new.csv", test::long_csv({test::hourly_table(40, {"y"}, 300)}))};
    refused("no column \"visitors\"");
  }
  SECTION("a choice of other columns") {
    task.columns = {"y"};
    refused("--columns: the model itransformer says which columns are targets and covariates");
  }
}

TEST_CASE("a table of the future is refused by a model that knows nothing ahead") {
  const TempDir temp;
  auto task = shop_task(temp, shop_run(temp, {{"future_covariates", Json::array()}}));
  CHECK_THROWS_WITH(test::forecast(task),
                    "--future: the model itransformer was trained without covariates that are known ahead");
}

TEST_CASE("covariates known ahead carry a forecast beyond pred_len") {
  const TempDir temp;
  const auto run = shop_run(temp, {{"past_covariates", Json::array()}});
  auto task = shop_task(temp, run);
  task.horizon = 10;
  task.future = temp.write("future.csv", shops_ahead(340, 350));
  CHECK(test::forecast(task)["rows"] == 20);
  const auto longer = forecasts(temp / "out.csv");
  test::forecast(shop_task(temp, run));
  const auto shorter = forecasts(temp / "out.csv");
  for (std::size_t step = 0; step < 4; ++step) CHECK(longer[step] == Approx(shorter[step]));
}

TEST_CASE("a category that training did not see is read as missing, with a note") {
  const TempDir temp;
  auto task = shop_task(temp, shop_run(temp));
  auto text = test::read_file(*task.future);
  text.replace(text.find("rain"), 4, "hail");
  task.future = temp.write("future.csv", text);
  RecordingProgress progress;
  tasks::run_family_command(task, progress, test::kNeverStop);
  CHECK(std::any_of(progress.notes.begin(), progress.notes.end(), [](const std::string& note) {
    return note.find("hold an unknown category, the first \"hail\"") != std::string::npos;
  }));
}

TEST_CASE("a series that training did not see is forecast too, by the scale of its own rows") {
  const TempDir temp;
  auto task = shop_task(temp, shop_run(temp));
  const auto renamed = [](std::string text) {
    for (auto at = text.find("south"); at != std::string::npos; at = text.find("south", at))
      text.replace(at, 5, "east!");
    return text;
  };
  task.inputs = {temp.write("new.csv", renamed(shops(300, 340)))};
  task.future = temp.write("future.csv", renamed(shops_ahead(340, 344)));
  test::forecast(task);
  CHECK(test::CsvRows(temp / "out.csv").text(4, "unique_id") == "east!");
}

TEST_CASE("a stream cannot give what is known ahead, static covariates or texts") {
  const TempDir temp;
  const auto [data, message] = GENERATE(table<Json, std::string>({
      {Json::object(), "covariates that are known ahead (\"promotion\", \"weather\")"},
      {{{"future_covariates", Json::array()}}, "static covariates (\"region\")"},
      {{{"future_covariates", Json::array()},
        {"static_covariates", Json::array()},
        {"past_covariates", {"weather"}}},
       "covariates of texts (\"weather\")"},
  }));
  const auto model = forecast::ForecastModel::open(shop_run(temp, data), std::nullopt, {});
  CHECK_THROWS_WITH(forecast::ForecastStream({}, model, 4),
                    ContainsSubstring("--stream: the model itransformer was trained with " + message));
}

TEST_CASE("models that cannot use covariates refuse them and say which can") {
  const auto name = GENERATE(as<std::string>{}, "patchtst", "mixlinear", "gpht", "timae", "time_moe");
  const auto part = GENERATE(as<std::string>{}, "past_covariates", "future_covariates", "static_covariates");
  const Json config{{"model", {{"name", name}}},
                    {"data", {{"path", "shop.csv"}, {part, {"x"}}, {"marks", false}}}};
  CHECK_THROWS_WITH(plan::resolve_run_config(Config(config, "shop.json"), "."),
                    "shop.json: /data/" + part + ": " + name +
                        " cannot use covariates (the models autoformer, informer, informerstack, "
                        "informer_tslib, itransformer, timexer, gateformer, chronos2 can)");
}

TEST_CASE("a folder whose shape has covariates that it does not name is refused") {
  const TempDir temp;
  const auto run = test::trained_run(temp, test::wide_csv(test::hourly_table(300)));
  for (const char* key : {"known_in", "static_in"}) {
    const auto saved = Config::load(run / "model/config.json");
    Json config = saved.json();
    config["shape"][key] = 1;
    temp.write("run/model/config.json", config.dump());
    CHECK_THROWS_WITH(forecast::ForecastModel::open(run, std::nullopt, {}),
                      ContainsSubstring("/shape: known_in and static_in must be 0"));
    config["shape"][key] = 0;
    temp.write("run/model/config.json", config.dump());
  }
}

TEST_CASE("targets alone may be named to any model") {
  const Json config{{"model", {{"name", "patchtst"}}},
                    {"data", {{"path", "shop.csv"}, {"targets", {"y"}}, {"marks", false}}}};
  CHECK_NOTHROW(plan::resolve_run_config(Config(config, "shop.json"), "."));
}

TEST_CASE("a target that follows a known covariate is forecast better with it than without") {
  const auto name = GENERATE(from_range(forecast::models_with_covariates()));
  if (name == "chronos2") return;  // fine-tuned from published weights, not trained on windows
  INFO(name);
  const TempDir temp;
  Json model{{"name", name}, {"d_model", 16}, {"n_heads", 2}, {"d_ff", 32}, {"dropout", 0.0}};
  if (name == "timexer" || name == "gateformer") model["patch_len"] = 4;
  if (name == "informerstack") model.update({{"e_layers", nullptr}, {"s_layers", {2, 1}}});
  const auto test_error = [&](const Json& parts, const std::string& out) {
    const auto config = test::tiny_config(
        temp.write("train.csv", shops(0, 500)),
        {{"model", model}, {"data", parts}, {"training", {{"epochs", 4}, {"learning_rate", 0.005}}}});
    return test::train(config, temp / out)["test"]["mse"].get<double>();
  };
  const double without = test_error({{"targets", {"y"}}}, "without");
  const double with =
      test_error({{"targets", {"y"}}, {"future_covariates", {"promotion", "weather"}}}, "with");
  CHECK(without > 0.8);  // nothing in the history says what comes
  CHECK(with < 0.5 * without);
}
