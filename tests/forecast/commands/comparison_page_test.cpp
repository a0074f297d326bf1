#include "forecast/commands/comparison_page.h"

#include "support/forecast_runs.h"

using namespace arzoo;
using test::count_of;
using test::forecast_task;
using test::hourly_table;
using test::TempDir;

TEST_CASE("the page of a backtest ranks the models, with whiskers, by step and by series, beside the truth") {
  const TempDir temp;
  auto task = forecast_task(test::wide_run(temp), {test::input_file(temp)}, temp / "out.csv");
  task.backtest = 3;
  task.levels = {80};
  task.against = {"theta", "seasonal_naive"};
  task.report = temp / "page.html";
  const auto result = test::forecast(task)["backtest"];
  CHECK(result["report"] == (temp / "page.html").string());
  const auto page = test::read_file(temp / "page.html");
  for (const char* heading : {"Ranking", "Error by step", "Where each is best", "Forecasts and truth"}) {
    INFO(heading);
    CHECK(page.find("<h2>" + std::string(heading) + "</h2>") != std::string::npos);
  }
  for (const char* text : {"MASE", "sMAPE", "CRPS", "WQL", "Skill against seasonal_naive", "Win rate",
                           "<title>itransformer", "<title>truth</title>", "<title>80% interval</title>"}) {
    INFO(text);
    CHECK(page.find(text) != std::string::npos);
  }
  CHECK(count_of(page, "<svg") == 2 + 1 + 3);
  CHECK(count_of(page, "class=\"ink thin\" d=\"M") >= 5);  // the baseline's skill has no whisker
}

TEST_CASE("a page counts where each model is best, and names every series while they are few") {
  forecast::Comparison page{.title = "<title>", .subtitle = "s"};
  page.leaderboard = Json::parse(R"({"baseline": "naive", "tasks": 4, "models": [
      {"model": "good", "mase": 0.5, "skill": 0.5, "skill_low": 0.25, "skill_high": 0.75, "win_rate": 1.0,
       "win_rate_low": null, "win_rate_high": null},
      {"model": "naive", "mase": 1.0, "skill": 0.0, "skill_low": null, "skill_high": null, "win_rate": 0.0,
       "win_rate_low": null, "win_rate_high": null}]})");
  page.series = {"<a>", "b"};
  page.models = {{.name = "naive", .step_errors = {1, 1}, .series_errors = {1, 0.25}},
                 {.name = "good", .step_errors = {0.5, 0.5}, .series_errors = {0.5, 0.5}}};
  const auto html = forecast::comparison_page(page);
  CHECK(html.find("<a>") == std::string::npos);
  CHECK(html.find("&lt;a&gt;") != std::string::npos);
  CHECK(html.find("<td>good</td><td class=\"n\">1</td><td>&lt;a&gt;</td>") != std::string::npos);
  CHECK(html.find("0.500 (0.250 to 0.750)") != std::string::npos);
  CHECK(html.find("MASE of each series:") != std::string::npos);
  page.series.resize(100, "c");
  for (auto& model : page.models) model.series_errors.resize(100, 1.0);
  CHECK(forecast::comparison_page(page).find("MASE of each series:") == std::string::npos);
}
