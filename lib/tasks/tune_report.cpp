#include <algorithm>
#include <map>

#include "core/chart.h"
#include "core/display_text.h"
#include "core/report.h"
#include "tasks/tune_trials.h"

namespace arzoo::tasks {
namespace {

bool has_score(const Json& trial) { return trial.at("score").is_number(); }

/// The trials with the least score first, those without one last.
std::vector<const Json*> ranked(const Json& trials) {
  std::vector<const Json*> order;
  for (const auto& trial : trials) order.push_back(&trial);
  std::stable_sort(order.begin(), order.end(), [](const Json* a, const Json* b) {
    if (has_score(*a) != has_score(*b)) return has_score(*a);
    return has_score(*a) && a->at("score").get<double>() < b->at("score").get<double>();
  });
  return order;
}

ReportSection trials_section(const Json& result) {
  std::vector<Column> columns{
      "trial", result.at("metric").get<std::string>(), "trained (%)", "steps", {"seconds", 1}};
  for (const auto& [key, value] : result.at("trials").front().at("values").items()) columns.emplace_back(key);
  columns.emplace_back("failed");
  Table table(columns);
  for (const auto* trial : ranked(result.at("trials"))) {
    std::vector<Cell> row{trial->at("trial").get<int64_t>()};
    row.emplace_back(has_score(*trial) ? Cell(trial->at("score").get<double>()) : Cell());
    row.emplace_back(100.0 * trial->at("share").get<double>());
    row.emplace_back(trial->at("steps").get<int64_t>());
    row.emplace_back(trial->at("seconds").get<double>());
    for (const auto& [key, value] : trial->at("values").items()) {
      if (value.is_number_integer())
        row.emplace_back(value.get<int64_t>());
      else if (value.is_number())
        row.emplace_back(value.get<double>());
      else
        row.emplace_back(value.is_string() ? value.get<std::string>() : dump_json(value));
    }
    row.emplace_back(trial->contains("error") ? Cell(trial->at("error").get<std::string>()) : Cell());
    table.add(std::move(row));
  }
  return {"Trials", {std::move(table)}};
}

/// The scores of the trials over the share of the training: where each was stopped.
ReportSection rungs_section(const Json& result) {
  LineChart chart{.title = "Validation while the trials are halved",
                  .x = {"share of the training (%)"},
                  .y = {result.at("metric").get<std::string>()},
                  .series = {}};
  const auto best = result.at("best").at("trial").get<int64_t>();
  for (const auto& trial : result.at("trials")) {
    Series curve{.name = {}, .x = {}, .y = {}, .markers = true};
    const auto& scores = trial.at("scores");
    for (std::size_t rung = 0; rung < scores.size(); ++rung) {
      curve.x.push_back(100.0 * result.at("shares").at(rung).get<double>());
      curve.y.push_back(scores.at(rung).get<double>());
    }
    if (trial.at("trial").get<int64_t>() == best) curve.name = fmt::format("trial {}, the best", best);
    if (!curve.x.empty()) chart.series.push_back(std::move(curve));
  }
  return {"Halving", {ReportSvg{to_svg(chart)}}};
}

/// The scores over the values of one key: those trained to the end, and the others.
ReportSvg scores_over(const std::string& key, const Json& result) {
  std::vector<std::pair<double, double>> ended, stopped;
  bool positive = true;
  double low = INFINITY, high = -INFINITY;
  for (const auto& trial : result.at("trials")) {
    if (!has_score(trial)) continue;
    const auto x = trial.at("values").at(key).get<double>();
    positive = positive && x > 0;
    low = std::min(low, x);
    high = std::max(high, x);
    (trial.at("share").get<double>() < 1.0 ? stopped : ended)
        .emplace_back(x, trial.at("score").get<double>());
  }
  LineChart chart{.title = key,
                  .x = {key, positive && high > 20.0 * low ? Scale::log : Scale::linear},
                  .y = {result.at("metric").get<std::string>()},
                  .series = {}};
  const auto add = [&](std::string name, std::vector<std::pair<double, double>> points) {
    std::sort(points.begin(), points.end());
    Series cloud{.name = std::move(name), .x = {}, .y = {}, .points = true};
    for (const auto& [x, y] : points) {
      cloud.x.push_back(x);
      cloud.y.push_back(y);
    }
    chart.series.push_back(std::move(cloud));
  };
  add("trained to the end", std::move(ended));
  add("stopped before", std::move(stopped));
  return {to_svg(chart)};
}

/// The best score of each value of a key that has no order.
Table best_by_value(const std::string& key, const Json& result) {
  std::map<std::string, std::pair<double, int64_t>> found;
  for (const auto& trial : result.at("trials")) {
    if (!has_score(trial)) continue;
    const auto& value = trial.at("values").at(key);
    auto& [score, count] =
        found.try_emplace(value.is_string() ? value.get<std::string>() : dump_json(value), INFINITY, 0)
            .first->second;
    score = std::min(score, trial.at("score").get<double>());
    ++count;
  }
  Table table({key, "best " + result.at("metric").get<std::string>(), "trials"});
  for (const auto& [value, best] : found) table.add({value, best.first, best.second});
  return table;
}

ReportSection values_section(const Json& result) {
  ReportSection section{"Values"};
  for (const auto& [key, value] : result.at("best").at("values").items()) {
    const bool numbers =
        std::all_of(result.at("trials").begin(), result.at("trials").end(),
                    [&name = key](const Json& trial) { return trial.at("values").at(name).is_number(); });
    if (numbers)
      section.content.emplace_back(scores_over(key, result));
    else
      section.content.emplace_back(best_by_value(key, result));
  }
  return section;
}

}  // namespace

std::string tune_report(const Json& result, const Json& config) {
  const auto& best = result.at("best");
  Report report;
  report.title = fmt::format("Search of {}", config.at("model").at("name").get<std::string>());
  report.subtitle =
      fmt::format("best: trial {}, {}", best.at("trial").get<int64_t>(), values_text(best.at("values")));
  report.summary = {{"trials", fmt::format("{}", result.at("trials").size())},
                    {"best validation " + result.at("metric").get<std::string>(),
                     short_number(best.at("score").get<double>())}};
  for (const auto& [metric, value] : best.at("test").items())
    report.summary.emplace_back("test " + metric, short_number(value.get<double>()));
  report.summary.emplace_back("time", short_duration(result.at("seconds").get<double>()));
  report.sections = {trials_section(result), rungs_section(result), values_section(result)};
  report.config = dump_json(config, 2);
  return to_html(report);
}

}  // namespace arzoo::tasks
