#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace arzoo::runtime {

struct NelderMeadOptions {
  int most_evaluations = 1000;
  double tolerance = 1e-8;  ///< of the values at the simplex's corners, relative to the best
};

struct Minimum {
  std::vector<double> at;
  double value = std::numeric_limits<double>::infinity();
};

/// The minimum of a function of a few variables without derivatives (Nelder & Mead, Computer Journal 1965),
/// with the usual coefficients 1, 2, 1/2, 1/2. `value(std::vector<double>)` returns a double, NaN counting as
/// infinite; the first simplex is `start` and a step along each axis. Deterministic.
template <class Value>
Minimum nelder_mead(Value value, const std::vector<double>& start, const std::vector<double>& steps,
                    const NelderMeadOptions& options = {}) {
  const auto dimensions = start.size();
  const auto evaluate = [&](std::vector<double> at) {
    const double found = value(at);
    return Minimum{std::move(at), std::isnan(found) ? std::numeric_limits<double>::infinity() : found};
  };
  std::vector<Minimum> corners{evaluate(start)};
  for (std::size_t axis = 0; axis < dimensions; ++axis) {
    auto corner = start;
    corner[axis] += steps[axis];
    corners.push_back(evaluate(std::move(corner)));
  }
  const auto by_value = [](const Minimum& a, const Minimum& b) { return a.value < b.value; };
  int evaluations = static_cast<int>(corners.size());
  while (dimensions > 0 && evaluations < options.most_evaluations) {
    std::stable_sort(corners.begin(), corners.end(), by_value);
    const double best = corners.front().value, worst = corners.back().value;
    if (std::isfinite(worst) && worst - best <= options.tolerance * (std::abs(best) + options.tolerance)) {
      break;
    }
    std::vector<double> centre(dimensions, 0.0);
    for (std::size_t i = 0; i < dimensions; ++i) {
      for (std::size_t axis = 0; axis < dimensions; ++axis) centre[axis] += corners[i].at[axis];
    }
    for (auto& coordinate : centre) coordinate /= static_cast<double>(dimensions);
    const auto beyond = [&](double factor) {  // along the line from the worst corner through the centre
      auto at = centre;
      for (std::size_t axis = 0; axis < dimensions; ++axis) {
        at[axis] += factor * (centre[axis] - corners.back().at[axis]);
      }
      ++evaluations;
      return evaluate(std::move(at));
    };
    auto reflected = beyond(1.0);
    if (reflected.value < best) {
      auto expanded = beyond(2.0);
      corners.back() = expanded.value < reflected.value ? std::move(expanded) : std::move(reflected);
    } else if (reflected.value < corners[dimensions - 1].value) {
      corners.back() = std::move(reflected);
    } else {
      auto contracted = beyond(reflected.value < worst ? 0.5 : -0.5);
      if (contracted.value < std::min(reflected.value, worst)) {
        corners.back() = std::move(contracted);
        continue;
      }
      for (std::size_t i = 1; i < corners.size(); ++i) {
        auto at = corners[i].at;
        for (std::size_t axis = 0; axis < dimensions; ++axis) {
          at[axis] = corners.front().at[axis] + 0.5 * (at[axis] - corners.front().at[axis]);
        }
        corners[i] = evaluate(std::move(at));
        ++evaluations;
      }
    }
  }
  return *std::min_element(corners.begin(), corners.end(), by_value);
}

}  // namespace arzoo::runtime
