#include "forecast/commands/backtest.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "core/atomic_file.h"
#include "core/display_text.h"
#include "forecast/baselines/baseline_cards.h"
#include "forecast/commands/backtest_evaluation.h"
#include "forecast/commands/comparison_page.h"
#include "forecast/commands/forecast_chart.h"
#include "forecast/commands/forecast_columns.h"
#include "forecast/commands/refit.h"
#include "forecast/scores/leaderboard.h"
#include "runtime/device.h"

namespace arzoo::forecast {
namespace {

/// A model to compare with. label: as it was named; one that nobody named is not written.
struct Rival {
  std::string label;
  ForecastModel model;
  bool written;
};

/// The seasonal naive forecast among them.
std::vector<Rival> open_rivals(const Backtest& run, const ForecastModel& model) {
  auto names = run.task.against;
  const bool named = std::find(names.begin(), names.end(), kNaiveBaseline) != names.end();
  if (!named) names.emplace_back(kNaiveBaseline);
  const auto compute = runtime::select_compute(run.task.compute.device, run.task.compute.dtype);
  const auto& table = run.tables.front();
  const auto targets = model.forecast_variates(table);
  std::vector<Rival> rivals;
  for (const auto& name : names) {
    if (name == model.name()) continue;
    Rival rival{name, ForecastModel::open(name, std::nullopt, compute), named || name != kNaiveBaseline};
    if (rival.model.is_zero_shot() && targets != table.variates) rival.model.set_roles({targets, {}, {}, {}});
    if (rival.model.is_zero_shot()) rival.model.set_season(run.task.season);
    if (rival.model.forecast_variates(table) != targets)
      fail<UsageError>("--against {}: forecasts {}, expected the columns of {}: {}", name,
                       first_few(rival.model.forecast_variates(table), io::shown), model.name(),
                       first_few(targets, io::shown));
    require_rows(rival.model, run.tables, run.windows);
    rivals.push_back(std::move(rival));
  }
  return rivals;
}

/// {"baseline", "tasks", "models": [{"model", "mase", "mae", "wql", "skill", …}]}, the best first.
Json leaderboard_of(const std::vector<Evaluation>& evaluated) {
  std::vector<TaskErrors> errors;
  for (const auto& evaluation : evaluated) errors.push_back({evaluation.label, evaluation.errors});
  Json models = leaderboard_json(leaderboard(errors, kNaiveBaseline));
  for (auto& row : models) {
    for (const auto& evaluation : evaluated) {
      if (row.at("model") != evaluation.label) continue;
      const auto scores = evaluation.all.json();
      for (const char* score : {"mase", "mae", "smape", "crps", "wql"})
        row[score] = scores.contains(score) ? scores.at(score) : Json(nullptr);
    }
    row.erase("mean_error");
  }
  return {
      {"baseline", kNaiveBaseline}, {"tasks", errors.front().errors.size()}, {"models", std::move(models)}};
}

/// The other models, on the same windows; csv receives the rows of those that were named.
std::vector<Evaluation> evaluate_rivals(const Backtest& run, const ForecastModel& model, io::CsvText& csv) {
  std::vector<Evaluation> evaluated;
  auto& progress = run.context.progress;
  for (const auto& rival : open_rivals(run, model)) {
    progress.begin(rival.label, run.windows.count);
    evaluated.push_back(
        evaluate(run, {rival.label, rival.label, rival.model}, rival.written ? &csv : nullptr));
    progress.end();
    if (!rival.written) evaluated.back().rows = 0;
  }
  return evaluated;
}

/// Series of which a page shows forecasts.
constexpr std::size_t kBacktestCharts = 4;
/// Models in one of these charts, beside the best one.
constexpr std::size_t kMostOthers = 2;

const Evaluation& evaluation_called(const std::vector<Evaluation>& evaluated, const Json& name) {
  return *std::find_if(evaluated.begin(), evaluated.end(),
                       [&](const auto& one) { return name == one.label; });
}

/// Forecasts of the last window of a few series, spread over all, by the best models.
std::vector<FanChart> backtest_charts(const Backtest& run, const std::vector<Evaluation>& evaluated,
                                      const Json& leaderboard) {
  std::vector<const Evaluation*> shown;
  for (const auto& row : leaderboard.at("models"))
    shown.push_back(&evaluation_called(evaluated, row.at("model")));
  shown.resize(std::min(shown.size(), kMostOthers + 1));
  std::vector<std::pair<std::size_t, int64_t>> series;
  for (std::size_t i = 0; i < run.tables.size(); ++i)
    for (std::size_t c = 0; c < run.ids[i].size(); ++c) series.emplace_back(i, static_cast<int64_t>(c));
  std::vector<FanChart> charts;
  const auto count = std::min(series.size(), kBacktestCharts);
  for (std::size_t n = 0; n < count; ++n) {
    const auto [i, c] = series[n * series.size() / count];
    auto chart = fan_chart(run.tables[i], shown.front()->last[i], run.ids[i][static_cast<std::size_t>(c)], c);
    chart.title += fmt::format(": forecast by {}", shown.front()->label);
    for (std::size_t other = 1; other < shown.size(); ++other)
      chart.others.emplace_back(shown[other]->label, column_of(shown[other]->last[i].mean, c));
    charts.push_back(std::move(chart));
  }
  return charts;
}

void write_backtest_page(const Backtest& run, const std::vector<Evaluation>& evaluated,
                         const Json& leaderboard) {
  Comparison page{.title = "Backtest", .subtitle = {}};
  page.subtitle = fmt::format("{} windows of {} steps, {} rows apart", run.windows.count, run.windows.horizon,
                              run.windows.step);
  page.leaderboard = leaderboard;
  for (const auto& names : run.ids) page.series.insert(page.series.end(), names.begin(), names.end());
  for (const auto& evaluation : evaluated) {
    ComparedModel model{.name = evaluation.label, .scores = evaluation.all.json()};
    model.step_errors = evaluation.step_errors;
    for (const auto& name : page.series) {
      const auto mase = evaluation.of_series.at(name).json().at("mase");
      model.series_errors.push_back(mase.is_number() ? mase.get<double>() : std::nan(""));
    }
    page.models.push_back(std::move(model));
    if (evaluation.fitted.is_array())
      page.remarks.push_back(fmt::format("{} was trained again on the rows to {}.", evaluation.label,
                                         fmt::join(evaluation.fitted.get<std::vector<std::string>>(), ", ")));
  }
  page.charts = backtest_charts(run, evaluated, leaderboard);
  write_atomically(*run.task.report, comparison_page(page));
}

}  // namespace

std::vector<io::OutputColumn> backtest_columns(const plan::ForecastTask& task) {
  using Kind = io::OutputColumn::Kind;
  std::vector<io::OutputColumn> columns{{"unique_id", Kind::text},
                                        {"ds", Kind::stamp},
                                        {"cutoff", Kind::stamp},
                                        {"model", Kind::text},
                                        {"y"},
                                        {"yhat"}};
  add_level_columns(columns, task);
  return columns;
}

int64_t rows_of_backtest(const plan::ForecastTask& task, int64_t horizon) {
  return task.backtest > 0 ? windows_of(task, horizon).rows() : 0;
}

Json backtest(const plan::ForecastTask& task, const ForecastModel& model,
              const std::vector<io::SeriesTable>& tables, const std::vector<std::vector<std::string>>& ids,
              int64_t horizon, const io::SeriesOutput& out, io::CsvText& csv,
              const runtime::CommandContext& context, std::vector<SeriesForecast>& charted) {
  const auto windows = windows_of(task, horizon);
  require_rows(model, tables, windows);
  const bool trained_again = task.refit.value_or(0) > 0 && training_config(task.model).has_value();
  if (!trained_again) warn_of_seen_rows(model, tables, windows, context.progress);
  const Backtest run{task, tables, ids, windows, naive_errors(task, model, tables, windows), out, context};
  context.progress.begin("backtest", task.backtest);
  std::vector<Evaluation> evaluated{evaluate(run, {model.name(), task.model.string(), model}, &csv)};
  context.progress.end();
  auto rivals = evaluate_rivals(run, model, csv);
  std::move(rivals.begin(), rivals.end(), std::back_inserter(evaluated));
  const auto& own = evaluated.front();
  charted = joined(own.stretches);
  Json result{{"windows", task.backtest}, {"rows", 0}};
  int64_t rows = 0;
  for (const auto& evaluation : evaluated) rows += evaluation.rows;
  result["rows"] = rows;
  result.update(own.all.json());
  for (std::size_t i = 0; i < tables.size(); ++i) {
    for (std::size_t c = 0; c < ids[i].size(); ++c) {
      auto& series = result["series"][ids[i][c]] = own.of_series.at(ids[i][c]).json();
      const auto scale = run.naive[i].of_variate[static_cast<int64_t>(c)].item<double>();
      series["season"] = run.naive[i].season;
      series["naive_mae"] = std::isnan(scale) ? Json(nullptr) : Json(scale);
    }
  }
  for (const auto& evaluation : evaluated)
    if (task.refit) result["fitted"][evaluation.label] = evaluation.fitted;
  result["leaderboard"] = leaderboard_of(evaluated);
  if (task.report) {
    write_backtest_page(run, evaluated, result["leaderboard"]);
    result["report"] = task.report->string();
  }
  return result;
}

}  // namespace arzoo::forecast
