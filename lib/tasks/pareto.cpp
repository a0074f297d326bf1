#include "tasks/pareto.h"

#include <algorithm>
#include <tuple>

namespace arzoo::tasks {
namespace {

void by_cost(std::vector<ParetoPoint>& points) {
  std::stable_sort(points.begin(), points.end(), [](const ParetoPoint& a, const ParetoPoint& b) {
    return std::tie(a.cost, a.error) < std::tie(b.cost, b.error);
  });
}

void add(Series& series, const ParetoPoint& point) {
  series.x.push_back(point.cost);
  series.y.push_back(point.error);
}

}  // namespace

std::optional<ParetoPoint> pareto_point(const std::string& cell, const Json& result,
                                        const ParetoOptions& options) {
  if (!result.contains("test")) return std::nullopt;
  const auto& test = result["test"];
  const auto is_number = [&](const std::string& metric) {
    return test.contains(metric) && test[metric].is_number();
  };
  if (!is_number(options.cost) || !is_number(options.error)) return std::nullopt;
  return ParetoPoint{cell, test[options.cost].get<double>(), test[options.error].get<double>()};
}

std::vector<ParetoPoint> pareto_front(std::vector<ParetoPoint> points) {
  by_cost(points);
  std::vector<ParetoPoint> front;
  for (auto& point : points) {
    if (front.empty() || point.error < front.back().error) front.push_back(std::move(point));
  }
  return front;
}

LineChart pareto_chart(std::vector<ParetoPoint> points, const ParetoOptions& options) {
  LineChart chart{.title = options.error + " against " + options.cost,
                  .x = {options.cost, Scale::log},
                  .y = {options.error, Scale::log},
                  .series = {}};
  by_cost(points);
  for (const auto& point : points) {
    auto series = std::find_if(chart.series.begin(), chart.series.end(),
                               [&](const Series& one) { return one.name == point.group(); });
    if (series == chart.series.end()) {
      Series group;
      group.name = point.group();
      group.markers = true;
      series = chart.series.insert(chart.series.end(), std::move(group));
    }
    add(*series, point);
  }
  Series front;
  front.name = "front";
  front.dashed = true;
  for (const auto& point : pareto_front(std::move(points))) add(front, point);
  chart.series.push_back(std::move(front));
  return chart;
}

}  // namespace arzoo::tasks
