// Published zero-shot folders through the forecast command: targets, covariates, quantiles, regressions.

#include "support/forecast_runs.h"

using namespace arzoo;
using test::CsvRows;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

fs::path hub(const std::string& name) { return test::source_dir() / "tests" / "fixtures" / name / "hub"; }
fs::path chronos2_hub() { return hub("chronos2/predict_series"); }

/// Two stores with a price and an event, which are known for `ahead` more hours.
struct Stores {
  fs::path past, future;
  Stores(const TempDir& temp, int64_t rows = 50, int64_t ahead = 6) {
    io::CsvText past_text, future_text;
    past_text.cell("store").cell("when").cell("sales").cell("price").cell("event").cell("stock").end_row();
    future_text.cell("store").cell("when").cell("price").cell("event").end_row();
    for (const char* store : {"a", "f"}) {  // of one spread: standardised alike, they have one line
      for (int64_t hour = 0; hour < rows + ahead; ++hour) {
        const double price = static_cast<double>((hour * 7 + store[0]) % 5);
        const char* event = hour % 6 == 0 ? "fair" : "none";
        auto& csv = hour < rows ? past_text : future_text;
        csv.cell(std::string_view(store)).cell(test::stamp_text(hour));
        if (hour < rows) csv.cell(10.0 + 2.0 * price + (hour % 6 == 0 ? 5.0 : 0.0));
        csv.cell(price).cell(std::string_view(event));
        if (hour < rows) csv.cell(static_cast<double>(hour % 3));
        csv.end_row();
      }
    }
    past = temp.write("past.csv", past_text.text());
    future = temp.write("future.csv", future_text.text());
  }
};

plan::ForecastTask store_task(const TempDir& temp, const Stores& stores, const fs::path& model) {
  auto task = test::forecast_task(model, {stores.past}, temp / "out.csv");
  task.id = "store";
  task.date = "when";
  task.horizon = 6;
  task.targets = {"sales"};
  task.future = stores.future;
  return task;
}

}  // namespace

TEST_CASE("a published folder writes quantiles and asymmetric intervals, whose ends are quantiles") {
  const TempDir temp;
  auto task = test::forecast_task(chronos2_hub(), {test::input_file(temp)}, temp / "out.csv");
  task.horizon = 5;
  task.levels = {80};
  task.quantiles = {0.1, 0.5, 0.9};
  const auto result = test::forecast(task);
  CHECK(result["rows"] == 15);
  const CsvRows rows(temp / "out.csv");
  CHECK(rows.text(0, "model") == "chronos2");
  CHECK(rows.number(0, "q-0.1") == rows.number(0, "lo-80"));
  CHECK(rows.number(0, "q-0.9") == rows.number(0, "hi-80"));
  CHECK(rows.number(0, "q-0.5") == rows.number(0, "yhat"));
}

TEST_CASE("the columns of --future that the input has too are covariates known ahead") {
  const TempDir temp;
  const Stores stores(temp);
  auto task = store_task(temp, stores, chronos2_hub());
  task.past_covariates = {"stock"};
  CHECK(test::forecast(task)["series"] == 2);
  const CsvRows with(temp / "out.csv");
  CHECK(with.text(0, "unique_id") == "a");
  task.future.reset();
  task.past_covariates.clear();
  test::forecast(task);
  CHECK(CsvRows(temp / "out.csv").number(0, "yhat") != with.number(0, "yhat"));
}

TEST_CASE("a regression around any model follows a line of the covariates") {
  const TempDir temp;
  const Stores stores(temp);
  const auto model = GENERATE(as<std::string>(), "timesfm/forecast_flags", "chronos_bolt/predict_series",
                              "chronos2/predict_series");
  auto task = store_task(temp, stores, hub(model));
  task.xreg = true;
  test::forecast(task);
  const CsvRows rows(temp / "out.csv");
  for (int64_t step = 0; step < 6; ++step) {
    const int64_t hour = 50 + step;
    const double price = static_cast<double>((hour * 7 + 'a') % 5);
    CHECK(rows.number(static_cast<std::size_t>(step), "yhat") ==
          Approx(10.0 + 2.0 * price + (hour % 6 == 0 ? 5.0 : 0.0)).margin(0.05));
  }
}

TEST_CASE("what a model cannot do is said before it forecasts") {
  const TempDir temp;
  const Stores stores(temp);
  const auto [change, message] = GENERATE(table<std::function<void(plan::ForecastTask&)>, std::string>(
      {{[](plan::ForecastTask& t) { t.model = hub("chronos_bolt/predict_series"); }, "takes no covariates"},
       {[](plan::ForecastTask& t) { t.static_covariates = {"stock"}; }, "the model takes none"},
       {[](plan::ForecastTask& t) {
          t.future.reset();
          t.future_covariates = {"price"};
        },
        "their values at the steps ahead are missing"},
       {[](plan::ForecastTask& t) { t.columns = {"sales"}; }, "--columns"},
       {[](plan::ForecastTask& t) { t.targets = {"event"}; }, "is not a number"},
       {[](plan::ForecastTask& t) { t.targets = {"revenue"}; }, "revenue"},
       {[](plan::ForecastTask& t) { t.horizon = 9; }, "no row for"},
       {[](plan::ForecastTask& t) { t.settings = {"cross_learnin=true"}; }, "cross_learning"},
       {[](plan::ForecastTask& t) { t.quantiles = {0.001}; }, "quantiles from 0.01 to 0.99"}}));
  auto task = store_task(temp, stores, chronos2_hub());
  change(task);
  CHECK_THROWS_WITH(test::forecast(task), ContainsSubstring(message));
  CHECK_FALSE(fs::exists(temp / "out.csv"));
}

TEST_CASE("targets and settings are for models that forecast any series") {
  const TempDir temp;
  auto task = test::forecast_task(test::wide_run(temp), {test::input_file(temp)}, temp / "out.csv");
  SECTION("targets") {
    task.targets = {"a"};
    CHECK_THROWS_WITH(test::forecast(task), ContainsSubstring("trained with its own targets"));
  }
  SECTION("settings") {
    task.settings = {"batch_size=2"};
    CHECK_THROWS_WITH(test::forecast(task), ContainsSubstring("have no options"));
  }
}

TEST_CASE("a backtest scores a zero-shot model with the covariates of each stretch") {
  const TempDir temp;
  const Stores stores(temp);
  auto task = store_task(temp, stores, chronos2_hub());
  task.future.reset();
  task.future_covariates = {"price", "event"};
  task.backtest = 3;
  task.levels = {80};
  const auto result = test::forecast(task);
  CHECK(result["backtest"]["rows"] == 36);
  CHECK(result["backtest"]["coverage"].contains("80"));
}

TEST_CASE(
    "Chronos-2 is fine-tuned on cuts of series, in full and with LoRA, and the run forecasts any series") {
  const TempDir temp;
  const Stores stores(temp, 80);
  const bool lora = GENERATE(false, true);
  auto config = Json::parse(test::read_file(test::source_dir() / "configs/forecast/chronos2_tiny.json"));
  fs::create_directories(temp / "base");
  config["output"] = (temp / "base").string();
  config["data"] = {{"path", stores.past.string()},
                    {"id", "store"},
                    {"date", "when"},
                    {"pred_len", 6},
                    {"marks", false},
                    {"random_cuts", true},
                    {"targets", {"sales"}},
                    {"future_covariates", {"price", "event"}},
                    {"past_covariates", {"stock"}}};
  config["training"] = {{"max_steps", 3},    {"batch_size", 16},      {"optimizer", "adamw"},
                        {"lradj", "linear"}, {"learning_rate", 0.01}, {"clip_grad_norm", 1.0}};
  test::train(config, temp / "full");
  if (lora) {
    config["training"]["init_from"] = (temp / "full").string();
    config["training"]["lora"] = {
        {"r", 2}, {"target_modules", {"self_attention.q", "output_patch_embedding.output_layer"}}};
    test::train(config, temp / "lora");
    CHECK(fs::exists(temp / "lora/model/adapter_config.json"));
  }
  auto task = store_task(temp, stores, temp / (lora ? "lora" : "full"));
  CHECK(test::forecast(task)["series"] == 2);
  CHECK(std::isfinite(CsvRows(temp / "out.csv").number(0, "yhat")));
}
