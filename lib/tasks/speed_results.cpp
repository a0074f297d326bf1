#include "tasks/speed_results.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/atomic_file.h"
#include "core/chart.h"
#include "tasks/suite_results.h"

namespace arzoo::tasks {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFittedLengths = 3;  // the longest: shorter ones are all overhead
constexpr double kMebibyte = 1 << 20;

/// The exponent b of y = a x^b through the last points, least squares in logarithms; NaN with fewer than two
/// points or one that is not positive.
double exponent(const std::vector<double>& x, const std::vector<double>& y) {
  const std::size_t first = x.size() - std::min(x.size(), kFittedLengths), count = x.size() - first;
  double mean_x = 0.0, mean_y = 0.0, cross = 0.0, square = 0.0;
  for (std::size_t i = first; i < x.size(); ++i) {
    mean_x += std::log(x[i]) / static_cast<double>(count);
    mean_y += std::log(y[i]) / static_cast<double>(count);
  }
  for (std::size_t i = first; i < x.size(); ++i) {
    cross += (std::log(x[i]) - mean_x) * (std::log(y[i]) - mean_y);
    square += (std::log(x[i]) - mean_x) * (std::log(x[i]) - mean_x);
  }
  const double slope = cross / square;
  return std::isfinite(slope) ? slope : std::numeric_limits<double>::quiet_NaN();
}

LineChart chart_of(const std::vector<Scaling>& scaling, const std::string& title, const std::string& unit,
                   std::vector<double> Scaling::*values, double Scaling::*slope) {
  LineChart chart{.title = title, .x = {"L", Scale::log}, .y = {unit, Scale::log}, .series = {}};
  for (const auto& one : scaling) {
    chart.series.push_back({.name = fmt::format("{}, ~ L^{:.2f}", one.name, one.*slope),
                            .x = one.lengths,
                            .y = one.*values,
                            .markers = true});
  }
  return chart;
}

Report report_of(const Json& result, const std::vector<ReportSvg>& charts,
                 const std::vector<Scaling>& scaling) {
  Report report;
  const auto& machine = result["machine"];
  report.subtitle = fmt::format("{}, {} threads, LibTorch {}", machine["cpu"].get<std::string>(),
                                machine["threads"].get<int64_t>(), machine["torch"].get<std::string>());
  for (const auto& [dtype, peak] : machine["gemm_peak_gflop_per_second"].items())
    report.summary.emplace_back("GEMM peak " + dtype, fmt::format("{:.0f} GFLOP/s", peak.get<double>()));
  if (scaling.empty()) return report;
  ReportSection growth{"Growth with the length of the input"};
  for (const auto& chart : charts) growth.content.emplace_back(chart);
  growth.content.emplace_back(scaling_table(scaling));
  report.sections.push_back(std::move(growth));
  return report;
}

}  // namespace

std::vector<Scaling> fit_scaling(const std::vector<Json>& rows) {
  std::vector<Scaling> all;
  for (const auto& row : rows) {
    if (!row.contains("scaling")) continue;
    const auto name = row["scaling"].get<std::string>();
    if (all.empty() || all.back().name != name)
      all.push_back({.name = name, .lengths = {}, .ms = {}, .mib = {}});
    auto& one = all.back();
    one.lengths.push_back(row["seq_len"].get<double>());
    one.ms.push_back(row["p50_ms"].get<double>());
    const auto& memory = row["working_memory_bytes"];
    one.mib.push_back(memory.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                       : memory.get<double>() / kMebibyte);
  }
  for (auto& one : all) {
    one.time_exponent = exponent(one.lengths, one.ms);
    one.memory_exponent = exponent(one.lengths, one.mib);
  }
  return all;
}

Json scaling_json(const std::vector<Scaling>& scaling) {
  Json rows = Json::array();
  for (const auto& one : scaling) {
    rows.push_back({{"name", one.name},
                    {"seq_len", one.lengths},
                    {"p50_ms", one.ms},
                    {"working_memory_mib", one.mib},
                    {"time_exponent", one.time_exponent},
                    {"memory_exponent", one.memory_exponent}});
  }
  return rows;
}

Table scaling_table(const std::vector<Scaling>& scaling) {
  Table table({"cell", "L", {"ms", 2}, {"working MiB", 1}, {"time ~ L^", 2}, {"memory ~ L^", 2}});
  for (const auto& one : scaling) {
    for (std::size_t i = 0; i < one.lengths.size(); ++i) {
      const bool last = i + 1 == one.lengths.size();
      table.add({one.name, static_cast<int64_t>(one.lengths[i]), one.ms[i], one.mib[i],
                 last ? Cell(one.time_exponent) : Cell(), last ? Cell(one.memory_exponent) : Cell()});
    }
  }
  return table;
}

void write_speed_results(const fs::path& folder, const Json& result, const Table& table,
                         const std::vector<Scaling>& scaling) {
  if (folder.empty()) return;
  std::vector<ReportSvg> charts;
  if (!scaling.empty()) {
    charts.push_back({to_svg(chart_of(scaling, "Time", "ms", &Scaling::ms, &Scaling::time_exponent))});
    charts.push_back(
        {to_svg(chart_of(scaling, "Working memory", "MiB", &Scaling::mib, &Scaling::memory_exponent))});
  }
  write_suite_results(folder, result, table, report_of(result, charts, scaling));
  if (charts.empty()) return;
  write_atomically(folder / "time.svg", charts[0].svg);
  write_atomically(folder / "memory.svg", charts[1].svg);
}

}  // namespace arzoo::tasks
