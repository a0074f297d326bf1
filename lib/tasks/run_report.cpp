#include "tasks/run_report.h"

#include <algorithm>
#include <map>

#include "core/chart.h"
#include "core/config.h"
#include "core/metrics_log.h"

namespace arzoo::tasks {
namespace {

constexpr std::string_view kCurves = "its curves";

/// The curves of metrics.jsonl: every number but the step and the epoch, over the steps.
std::map<std::string, Series> read_curves(const std::filesystem::path& metrics) {
  constexpr std::uint64_t kFloor = std::uint64_t{16} << 20, kPerByte = 4, kCurve = 400, kPoint = 48;
  std::error_code no_file;  // which reading it will name
  const auto bytes = std::filesystem::file_size(metrics, no_file);
  PageBudget budget(metrics.string(), kFloor, kPerByte, no_file ? 0 : bytes);
  std::map<std::string, Series> curves;
  read_metrics(metrics, [&](const Json& line) {
    for (const auto& [name, value] : line.items()) {
      if (name == "step" || name == "epoch" || !value.is_number()) continue;
      if (!curves.contains(name)) budget.charge(kCurve + 3 * name.size(), kCurves);
      budget.charge(kPoint, kCurves);
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

/// What a step of several processes does when: a line for each of two activities, over the time.
ReportSection messages_section(const Json& times) {
  const auto milliseconds = [&](const char* name) { return 1e3 * times.at(name).get<double>(); };
  LineChart chart{
      .title = "A step of the first process", .x = {"ms since backward begins"}, .y = {""}, .series = {}};
  chart.series.push_back({.name = "backward computes",
                          .x = {0.0, milliseconds("backward_end")},
                          .y = {2.0, 2.0},
                          .markers = true});
  chart.series.push_back({.name = "gradients travel",
                          .x = {milliseconds("begin"), milliseconds("end")},
                          .y = {1.0, 1.0},
                          .markers = true});
  return {"Messages",
          {ReportText{fmt::format(
               "{:.0f} % of the messages' time passes while backward computes (mean of {} steps).",
               100.0 * times.at("hidden").get<double>(), times.at("timed_steps").get<int64_t>())},
           ReportSvg{to_svg(chart)}}};
}

/// What each process needed at most, beside what its weights, gradients and moments come to.
ReportSection memory_section(const Json& memory) {
  const auto megabytes = [](const Json& bytes) { return 1e-6 * bytes.get<double>(); };
  Table table({"process", {"measured peak, MB", 1}, {"of it for the training, MB", 1}});
  const auto& peaks = memory.at("peak_bytes");
  for (std::size_t rank = 0; rank < peaks.size(); ++rank)
    table.add(
        {fmt::format("{}", rank), megabytes(peaks[rank]), megabytes(memory.at("training_bytes")[rank])});
  return {"Memory",
          {ReportText{fmt::format("Weights, gradients and moments, computed: {:.4g} MB in the first process, "
                                  "{:.4g} MB in a single one. Activations and data come on top.",
                                  megabytes(memory.at("state_bytes")),
                                  megabytes(memory.at("single_state_bytes")))},
           table}};
}

}  // namespace

ReportSection curves_section(const std::filesystem::path& metrics, PageBudget& page) {
  constexpr std::uint64_t kEmptyChart = 4096, kCopies = 3;
  std::vector<LineChart> charts;
  std::map<std::string, std::size_t> numbers;  // of the charts, by their titles
  const auto chart = [&](const std::string& title) -> LineChart& {
    const auto [number, is_new] = numbers.emplace(title, charts.size());
    if (is_new) charts.push_back({.title = title, .x = {"step"}, .y = {title}, .series = {}});
    return charts[number->second];
  };
  chart("Loss");
  chart("Learning rate");
  for (auto& [name, curve] : read_curves(metrics)) {
    auto& its_chart = chart(chart_of(name));
    if (its_chart.series.empty()) page.charge(kCopies * kEmptyChart, kCurves);
    page.charge_text(name.size(), kCurves);
    curve.name = name.substr(name.find('/') + 1);
    its_chart.series.push_back(std::move(curve));
  }
  ReportSection section{"Training"};
  for (const auto& made : charts) {
    if (made.series.empty()) continue;
    auto svg = to_svg(made);
    page.charge(kCopies * (svg.size() - std::min<std::size_t>(svg.size(), kEmptyChart)), kCurves);
    section.content.emplace_back(ReportSvg{std::move(svg)});
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
  constexpr std::uint64_t kEnough = std::uint64_t{1} << 40;  // a log of one's own
  PageBudget page(run.metrics().string(), kEnough, 0, 0);
  report.sections = {results_section(result), curves_section(run.metrics(), page)};
  if (result.contains("messages")) report.sections.push_back(messages_section(result.at("messages")));
  if (const auto memory = result.value("memory", Json::object()); memory.contains("peak_bytes"))
    report.sections.push_back(memory_section(memory));
  for (auto& section : experiment.showcase()) report.sections.push_back(std::move(section));
  report.config = dump_json(config, 2);
  run.write_report(to_html(report));
}

}  // namespace arzoo::tasks
