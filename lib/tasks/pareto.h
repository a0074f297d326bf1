#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/chart.h"
#include "core/config.h"

/// What a suite's cells cost against how good they are ("pareto" of a suite).
namespace arzoo::tasks {

/// The two metrics that are weighed: of both less is better.
struct ParetoOptions {
  std::string cost;
  std::string error;

  static void fields(auto& o, auto& field) {
    field("cost", o.cost, {}, "metric of the x axis, such as seconds_per_picture");
    field("error", o.error, {}, "metric of the y axis, such as a distance or a loss");
  }
  void check() const { require(!cost.empty() && !error.empty(), "cost and error are needed"); }
};

/// What a cell reached. A group, the name up to its first slash, is one curve.
struct ParetoPoint {
  std::string cell;
  double cost = 0.0, error = 0.0;

  std::string_view group() const { return std::string_view(cell).substr(0, cell.find('/')); }
};

/// The point of a cell's result; none where it lacks one of the metrics.
std::optional<ParetoPoint> pareto_point(const std::string& cell, const Json& result,
                                        const ParetoOptions& options);
/// Those that no other beats in both, from the cheapest to the best.
std::vector<ParetoPoint> pareto_front(std::vector<ParetoPoint> points);
/// A curve for each group, and the front, dashed.
LineChart pareto_chart(std::vector<ParetoPoint> points, const ParetoOptions& options);

}  // namespace arzoo::tasks
