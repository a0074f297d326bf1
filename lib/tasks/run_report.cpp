#include "tasks/run_report.h"

#include <algorithm>
#include <map>

#include "core/chart.h"
#include "core/config.h"
#include "core/metrics_log.h"

namespace arzoo::tasks {
namespace {

/// The curves of metrics.jsonl: every number but the step and the epoch, over the steps.
std::map<std::string, Series> read_curves(const std::filesystem::path& metrics) {
  std::map<std::string, Series> curves;
  read_metrics(metrics, [&](const Json& line) {
    for (const auto& [name, value] : line.items()) {
      if (name == "step" || name == "epoch" || !value.is_number()) continue;
      auto& curve = curves[name];
      curve.name = name;
      curve.x.push_back(line["step"].get<double>());
      curve.y.push_back(value.get<double>());
    }
  });
  for (auto& [name, curve] : curves) {
    curve.markers = curve.x.size() < 40;
    curve.smooth = name == "loss";
  }
  return curves;
}

/// The chart that a curve belongs to: "router" of "router/balance"; the losses and the learning rate name
/// none.
std::string chart_of(const std::string& curve) {
  const auto slash = curve.find('/');
  if (slash == std::string::npos) return curve == "learning_rate" ? "Learning rate" : "Loss";
  auto title = curve.substr(0, slash);
  std::replace(title.begin(), title.end(), '_', ' ');
  return title;
}

ReportSection results_section(const Json& result) {
  Table table({"split", "metric", {"value", 4}});
  for (const auto& [metric, value] : result["best"]["val"].items())
    table.add({"validation (best epoch)", metric, value.get<double>()});
  for (const auto& [metric, value] : result["test"].items()) table.add({"test", metric, value.get<double>()});
  return {"Result", {table}};
}

}  // namespace

ReportSection curves_section(const std::filesystem::path& metrics) {
  std::vector<LineChart> charts;
  const auto add_chart = [&](const std::string& title) {
    charts.push_back({.title = title, .x = {"step"}, .y = {title}, .series = {}});
  };
  add_chart("Loss");
  add_chart("Learning rate");
  for (auto& [name, curve] : read_curves(metrics)) {
    const auto title = chart_of(name);
    const auto is_its = [&](const LineChart& chart) { return chart.title == title; };
    if (std::none_of(charts.begin(), charts.end(), is_its)) add_chart(title);
    curve.name = name.substr(name.find('/') + 1);
    std::find_if(charts.begin(), charts.end(), is_its)->series.push_back(std::move(curve));
  }
  ReportSection section{"Training"};
  for (const auto& chart : charts) {
    if (!chart.series.empty()) section.content.emplace_back(ReportSvg{to_svg(chart)});
  }
  return section;
}

void write_run_report(const RunDir& run, const Json& config, const Json& result,
                      runtime::Experiment& experiment) {
  Report report;
  report.title = run.path().filename().string();
  report.subtitle =
      fmt::format("{}, seed {}", config["model"]["name"].get<std::string>(), config["seed"].get<int64_t>());
  report.summary = {{"steps", fmt::format("{}", result["steps"].get<int64_t>())},
                    {"best epoch", fmt::format("{}", result["best"]["epoch"].get<int64_t>())},
                    {"seconds", fmt::format("{:.0f}", result["seconds"].get<double>())}};
  for (const auto& [metric, value] : result["test"].items())
    report.summary.emplace_back("test " + metric, fmt::format("{:.4f}", value.get<double>()));
  report.sections = {results_section(result), curves_section(run.metrics())};
  for (auto& section : experiment.showcase()) report.sections.push_back(std::move(section));
  report.config = dump_json(config, 2);
  run.write_report(to_html(report));
}

}  // namespace arzoo::tasks
