// Published zero-shot folders through the forecast command: targets, covariates, quantiles, regressions.

#include "forecast/forecast_model.h"
#include "forecast/models/timesfm_model.h"
#include "forecast/models/timesfm_xreg.h"
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

TEST_CASE("a regression after any model explains what the model leaves of the known rows") {
  const TempDir temp;
  // The naive forecast of each stretch of 4 steps is 5, the last value before it; x adds 3 within some of
  // them.
  const auto x = [](int hour) { return hour % 8 == 5 || hour % 8 == 6 ? 1.0 : 0.0; };
  io::CsvText past, ahead;
  past.cell("date").cell("y").cell("x").end_row();
  ahead.cell("date").cell("x").end_row();
  for (int hour = 0; hour < 40; ++hour)
    past.cell(test::stamp_text(hour)).cell(5.0 + 3.0 * x(hour)).cell(x(hour)).end_row();
  const std::vector<double> promised{0, 2, 1, 0};
  for (int step = 0; step < 4; ++step)
    ahead.cell(test::stamp_text(40 + step)).cell(promised[static_cast<std::size_t>(step)]).end_row();
  auto task = test::forecast_task("seasonal_naive", {temp.write("past.csv", past.text())}, temp / "out.csv");
  task.future = temp.write("future.csv", ahead.text());
  task.targets = {"y"};
  task.horizon = 4;
  task.season = 1;
  task.levels = {80};
  task.xreg = true;
  task.xreg_mode = "model+xreg";
  test::forecast(task);
  const CsvRows rows(temp / "out.csv");
  for (std::size_t step = 0; step < 4; ++step) {
    CHECK(rows.number(step, "yhat") == Approx(5.0 + 3.0 * promised[step]).margin(1e-6));
    CHECK((rows.number(step, "lo-80") + rows.number(step, "hi-80")) / 2.0 ==
          Approx(rows.number(step, "yhat")).margin(1e-6));
  }
  task.inputs = {temp.write("short.csv", past.text().substr(0, past.text().find(test::stamp_text(7))))};
  task.future =
      temp.write("sooner.csv", "date,x\n" + test::stamp_text(7) + ",1\n" + test::stamp_text(8) + ",1\n" +
                                   test::stamp_text(9) + ",1\n" + test::stamp_text(10) + ",1\n");
  CHECK_THROWS_WITH(
      test::forecast(task),
      ContainsSubstring("has 7 rows, a regression of what the model leaves of 4 steps needs 8"));
}

TEST_CASE("the regression after TimesFM is the official one, of its backcast") {
  const TempDir temp;
  constexpr int64_t kRows = 45, kAhead = 6;
  auto x = at::empty({kRows + kAhead}), y = at::empty({kRows});
  io::CsvText past, ahead;
  past.cell("date").cell("y").cell("x").end_row();
  ahead.cell("date").cell("x").end_row();
  for (int64_t hour = 0; hour < kRows + kAhead; ++hour) {
    const double value = static_cast<double>(hour * 7 % 5);
    x[hour] = value;
    if (hour >= kRows) {
      ahead.cell(test::stamp_text(hour)).cell(value).end_row();
      continue;
    }
    const double target = 10.0 + 2.0 * value + (hour % 6 == 0 ? 5.0 : 0.0);
    y[hour] = target;
    past.cell(test::stamp_text(hour)).cell(target).cell(value).end_row();
  }
  auto task = test::forecast_task(hub("timesfm/forecast_flags"), {temp.write("past.csv", past.text())},
                                  temp / "out.csv");
  task.future = temp.write("future.csv", ahead.text());
  task.targets = {"y"};
  task.horizon = kAhead;
  task.xreg = true;
  task.xreg_mode = "model+xreg";
  test::forecast(task);
  const auto opened = forecast::ForecastModel::open(task.model, {}, {});
  const auto& model = dynamic_cast<const forecast::TimesFm&>(opened.module());
  auto flags = model.flags_for(kAhead);
  flags.max_context = kRows;
  flags.return_backcast = true;
  forecast::ZeroShotSeries series{"y", y.unsqueeze(0), {}};
  series.covariates.push_back({"x", true, x.narrow(0, 0, kRows), x.narrow(0, kRows, kAhead), {}, {}, {}});
  const auto official = forecast::forecast_with_xreg(model, std::span(&series, 1), {}, flags,
                                                     forecast::XRegMode::model_first, {});
  const CsvRows rows(temp / "out.csv");
  for (int64_t step = 0; step < kAhead; ++step)
    CHECK(rows.number(static_cast<std::size_t>(step), "yhat") ==
          Approx(official.front()[step][model.median_channel()].item<double>()).epsilon(1e-5));
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
