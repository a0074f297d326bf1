#include "forecast/data/scaler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

namespace arzoo::forecast {

namespace {

/// Mean and scale of the cells of one variate; `each` calls its argument with every one of them.
std::pair<double, double> mean_and_scale(const auto& each, double freedom) {
  double count = 0.0, sum = 0.0, rest = 0.0, squares = 0.0;
  each([&](double value) {
    sum += value;
    ++count;
  });
  if (count == 0.0) return {0.0, 1.0};
  // What rounding took from a long sum is put back: a constant column must come out constant.
  each([&](double value) { rest += value - sum / count; });
  const double mean = sum / count + rest / count;
  each([&](double value) { squares += std::pow(value - mean, 2); });
  const double stddev = std::sqrt(squares / std::max(1.0, count - freedom));
  // A column that does not vary but for rounding has no scale of its own.
  const bool constant = stddev <= 10 * std::numeric_limits<double>::epsilon() * std::abs(mean);
  return {mean, constant ? 1.0 : stddev};
}

}  // namespace

StandardScaler StandardScaler::fit(const std::vector<double>& values, int64_t variates, int64_t begin,
                                   int64_t end, int64_t freedom) {
  StandardScaler scaler = identity(variates);
  for (int64_t c = 0; c < variates; ++c) {
    const auto each = [&](const auto& visit) {
      for (int64_t row = begin; row < end; ++row) visit(values[row * variates + c]);
    };
    std::tie(scaler.mean[c], scaler.scale[c]) = mean_and_scale(each, static_cast<double>(freedom));
  }
  return scaler;
}

StandardScaler StandardScaler::fit(const io::SeriesTable& table, int64_t begin, int64_t end) {
  const std::size_t variates = table.variates.size();
  StandardScaler scaler = identity(static_cast<int64_t>(variates));
  for (std::size_t c = 0; c < variates; ++c) {
    const auto each = [&](const auto& visit) {
      for (auto row = static_cast<std::size_t>(begin); row < static_cast<std::size_t>(end); ++row) {
        if (table.measured(row, c)) visit(table.at(row, c));
      }
    };
    std::tie(scaler.mean[c], scaler.scale[c]) = mean_and_scale(each, 0.0);
  }
  return scaler;
}

StandardScaler StandardScaler::identity(int64_t variates) {
  return {std::vector<double>(variates, 0.0), std::vector<double>(variates, 1.0)};
}

}  // namespace arzoo::forecast
