#include "tasks/run_report.h"

#include <fstream>
#include <map>

#include "core/chart.h"
#include "core/config.h"

namespace arzoo::tasks {
namespace {

/// The curves of metrics.jsonl: every number but the step and the epoch, over the steps.
std::map<std::string, Series> read_curves(const std::filesystem::path& metrics) {
  std::map<std::string, Series> curves;
  std::ifstream in(metrics);
  for (std::string line; std::getline(in, line);) {
    const auto object = Json::parse(line, nullptr, false);
    if (!object.is_object() || !object.contains("step")) continue;
    for (const auto& [name, value] : object.items()) {
      if (name == "step" || name == "epoch" || !value.is_number()) continue;
      auto& curve = curves[name];
      curve.name = name;
      curve.x.push_back(object["step"].get<double>());
      curve.y.push_back(value.get<double>());
    }
  }
  for (auto& [name, curve] : curves) {
    curve.markers = curve.x.size() < 40;
    curve.smooth = name == "loss";
  }
  return curves;
}

ReportSection curves_section(const std::filesystem::path& metrics) {
  auto curves = read_curves(metrics);
  ReportSection section{"Training"};
  LineChart losses{.title = "Loss", .x = {"step"}, .y = {"loss"}, .series = {}};
  LineChart rates{.title = "Learning rate", .x = {"step"}, .y = {"learning rate"}, .series = {}};
  for (auto& [name, curve] : curves)
    (name == "learning_rate" ? rates : losses).series.push_back(std::move(curve));
  if (!losses.series.empty()) section.content.emplace_back(ReportSvg{to_svg(losses)});
  if (!rates.series.empty()) section.content.emplace_back(ReportSvg{to_svg(rates)});
  return section;
}

ReportSection results_section(const Json& result) {
  Table table({"split", "metric", {"value", 4}});
  for (const auto& [metric, value] : result["best"]["val"].items())
    table.add({"validation (best epoch)", metric, value.get<double>()});
  for (const auto& [metric, value] : result["test"].items()) table.add({"test", metric, value.get<double>()});
  return {"Result", {table}};
}

}  // namespace

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
  report.config = config.dump(2);
  run.write_report(to_html(report));
}

}  // namespace arzoo::tasks
