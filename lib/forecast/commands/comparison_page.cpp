#include "forecast/commands/comparison_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/display_text.h"
#include "core/report.h"

namespace arzoo::forecast {
namespace {

/// Series whose errors a table names one by one, and those of a model that are named where there are more.
constexpr std::size_t kMostSeriesRows = 40, kMostNamed = 5;
/// Curves of a chart that can be told apart.
constexpr std::size_t kMostCurves = 8;

double score_in(const Json& object, const std::string& key) {
  return object.contains(key) && object.at(key).is_number() ? object.at(key).get<double>() : std::nan("");
}

Cell cell_of(double value) { return std::isfinite(value) ? Cell(value) : Cell(); }

std::string with_bounds(const Json& row, const std::string& key) {
  const auto low = score_in(row, key + "_low"), high = score_in(row, key + "_high");
  const auto value = fmt::format("{:.3f}", score_in(row, key));
  return std::isfinite(low) && std::isfinite(high) ? fmt::format("{} ({:.3f} to {:.3f})", value, low, high)
                                                   : value;
}

const ComparedModel* model_called(const Comparison& comparison, const std::string& name) {
  for (const auto& model : comparison.models)
    if (model.name == name) return &model;
  return nullptr;
}

/// The models in the leaderboard's order.
std::vector<const ComparedModel*> ranked(const Comparison& comparison) {
  std::vector<const ComparedModel*> order;
  for (const auto& row : comparison.leaderboard.at("models")) {
    const auto* model = model_called(comparison, row.at("model").get<std::string>());
    if (model != nullptr) order.push_back(model);
  }
  return order;
}

Table ranking_table(const Comparison& comparison) {
  Table table(
      {"model", {"MASE", 3}, {"sMAPE", 2}, {"CRPS", 4}, {"WQL", 4}, "skill (95 %)", "win rate (95 %)"});
  for (const auto& row : comparison.leaderboard.at("models")) {
    const auto name = row.at("model").get<std::string>();
    const auto* model = model_called(comparison, name);
    const Json scores = model == nullptr ? Json::object() : model->scores;
    table.add({name, cell_of(score_in(row, "mase")), cell_of(score_in(scores, "smape")),
               cell_of(score_in(scores, "crps")), cell_of(score_in(scores, "wql")), with_bounds(row, "skill"),
               with_bounds(row, "win_rate")});
  }
  return table;
}

ReportSvg bars_of(const Comparison& comparison, const std::string& key, const std::string& title,
                  const std::string& axis) {
  BarChart chart{.title = title, .x_title = axis, .bars = {}};
  for (const auto& row : comparison.leaderboard.at("models")) {
    if (!std::isfinite(score_in(row, key))) continue;
    chart.bars.push_back({row.at("model").get<std::string>(), score_in(row, key), score_in(row, key + "_low"),
                          score_in(row, key + "_high")});
  }
  return {to_svg(chart)};
}

ReportSection ranking_section(const Comparison& comparison) {
  const auto baseline = comparison.leaderboard.at("baseline").get<std::string>();
  return {"Ranking",
          {ranking_table(comparison),
           ReportText{fmt::format("Skill: 1 - error / error of {}, the geometric mean over {} windows of "
                                  "series; 0 is as good as it, 1 "
                                  "perfect. Win rate: the share of comparisons, with each other model on "
                                  "each window of each series, "
                                  "in which the error is smaller. Whiskers and parentheses: 95 % of "
                                  "bootstrap samples of the windows.",
                                  baseline, comparison.leaderboard.at("tasks").get<int64_t>())},
           bars_of(comparison, "skill", fmt::format("Skill against {}", baseline), "skill"),
           bars_of(comparison, "win_rate", "Win rate", "share of comparisons won")}};
}

ReportSection steps_section(const Comparison& comparison) {
  LineChart chart{.title = "Error by step ahead",
                  .x = {"step ahead"},
                  .y = {"absolute error / seasonal naive error"},
                  .series = {}};
  for (const auto* model : ranked(comparison)) {
    if (chart.series.size() == kMostCurves) break;
    Series curve{
        .name = model->name, .x = {}, .y = model->step_errors, .markers = model->step_errors.size() < 30};
    for (std::size_t step = 0; step < curve.y.size(); ++step)
      curve.x.push_back(static_cast<double>(step + 1));
    chart.series.push_back(std::move(curve));
  }
  return {"Error by step", {ReportSvg{to_svg(chart)}}};
}

/// The model with the least error of a series; nothing where none has one.
const ComparedModel* best_of(const std::vector<const ComparedModel*>& models, std::size_t series) {
  const ComparedModel* best = nullptr;
  for (const auto* model : models) {
    const double error = model->series_errors[series];
    if (std::isfinite(error) && (best == nullptr || error < best->series_errors[series])) best = model;
  }
  return best;
}

/// How many series each model is the best of, and which.
Table best_table(const Comparison& comparison, const std::vector<const ComparedModel*>& models) {
  Table table({"model", "best of so many series", "such as"});
  for (const auto* model : models) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < comparison.series.size(); ++i)
      if (best_of(models, i) == model) names.push_back(comparison.series[i]);
    const auto count = static_cast<int64_t>(names.size());
    std::string shown;
    for (std::size_t i = 0; i < std::min(names.size(), kMostNamed); ++i)
      shown += (i == 0 ? "" : ", ") + shortened(one_line(names[i]), 40);
    table.add({model->name, count, shown});
  }
  return table;
}

ReportSection series_section(const Comparison& comparison) {
  const auto models = ranked(comparison);
  ReportSection section{"Where each is best", {best_table(comparison, models)}};
  if (comparison.series.size() > kMostSeriesRows) return section;
  std::vector<Column> columns{"series"};
  for (const auto* model : models) columns.emplace_back(model->name, 3);
  columns.emplace_back("best");
  Table errors(columns);
  for (std::size_t i = 0; i < comparison.series.size(); ++i) {
    std::vector<Cell> row{comparison.series[i]};
    for (const auto* model : models) row.push_back(cell_of(model->series_errors[i]));
    const auto* best = best_of(models, i);
    row.emplace_back(best == nullptr ? Cell() : Cell(best->name));
    errors.add(std::move(row));
  }
  section.content.emplace_back(ReportText{"MASE of each series:"});
  section.content.emplace_back(std::move(errors));
  return section;
}

}  // namespace

std::string comparison_page(const Comparison& comparison) {
  Report report;
  report.title = comparison.title;
  report.subtitle = comparison.subtitle;
  const auto& models = comparison.leaderboard.at("models");
  const auto& best = models.front();
  const auto baseline = comparison.leaderboard.at("baseline").get<std::string>();
  report.summary = {{"best model", best.at("model").get<std::string>()},
                    {"its MASE", fmt::format("{:.3f}", score_in(best, "mase"))}};
  for (const auto& row : models)
    if (row.at("model") == baseline)
      report.summary.emplace_back("MASE of " + baseline, fmt::format("{:.3f}", score_in(row, "mase")));
  report.summary.emplace_back("models", fmt::format("{}", models.size()));
  report.summary.emplace_back("series", fmt::format("{}", comparison.series.size()));
  if (!comparison.remarks.empty()) {
    ReportSection remarks{"Chosen"};
    for (const auto& remark : comparison.remarks) remarks.content.emplace_back(ReportText{remark});
    report.sections.push_back(std::move(remarks));
  }
  report.sections.push_back(ranking_section(comparison));
  report.sections.push_back(steps_section(comparison));
  report.sections.push_back(series_section(comparison));
  if (!comparison.charts.empty()) {
    ReportSection charts{"Forecasts and truth"};
    for (const auto& chart : comparison.charts) charts.content.emplace_back(ReportSvg{to_svg(chart)});
    report.sections.push_back(std::move(charts));
  }
  return to_html(report);
}

}  // namespace arzoo::forecast
