// Costs against errors of a suite's cells.

#include "tasks/pareto.h"

#include "support/test.h"

using namespace arzoo;
using tasks::ParetoOptions;
using tasks::ParetoPoint;

namespace {

std::vector<std::string> front_of(std::vector<ParetoPoint> points) {
  std::vector<std::string> names;
  for (const auto& point : tasks::pareto_front(std::move(points))) names.push_back(point.cell);
  return names;
}

}  // namespace

TEST_CASE("a front has the cells that no other beats, from the cheapest to the best") {
  CHECK(front_of({{"slow", 3.0, 1.0}, {"fast", 1.0, 2.0}, {"worse", 2.0, 2.5}, {"between", 2.0, 1.5}}) ==
        std::vector<std::string>{"fast", "between", "slow"});
  // The better of two that cost the same; the first of two that are the same.
  CHECK(front_of({{"a", 1.0, 2.0}, {"b", 1.0, 1.0}, {"c", 1.0, 1.0}}) == std::vector<std::string>{"b"});
  CHECK(front_of({}).empty());
}

TEST_CASE("cells of a group are one curve over their costs, and the front is dashed") {
  const auto chart = tasks::pareto_chart(
      {{"mar/50 steps", 0.2, 1.5}, {"var", 0.01, 0.8}, {"mar/10 steps", 0.05, 1.8}}, {"seconds", "distance"});
  REQUIRE(chart.series.size() == 3);
  CHECK(chart.series[0].name == "var");
  CHECK(chart.series[1].name == "mar");
  CHECK(chart.series[1].x == std::vector<double>{0.05, 0.2});
  CHECK(chart.series[1].y == std::vector<double>{1.8, 1.5});
  CHECK(chart.series[2].dashed);
  CHECK(chart.series[2].x == std::vector<double>{0.01});
}

TEST_CASE("a cell without one of the metrics has no place in the chart") {
  const ParetoOptions options{"seconds", "distance"};
  CHECK(tasks::pareto_point("a", Json{{"test", {{"seconds", 1.0}, {"distance", 2.0}}}}, options));
  CHECK_FALSE(tasks::pareto_point("a", Json{{"test", {{"seconds", 1.0}}}}, options));
  CHECK_FALSE(tasks::pareto_point("a", Json{{"test", {{"seconds", 1.0}, {"distance", nullptr}}}}, options));
  CHECK_FALSE(tasks::pareto_point("a", Json{{"error", "failed"}}, options));
}
