#include "forecast/scaler.h"

#include <algorithm>
#include <cmath>

namespace arzoo::forecast {

StandardScaler StandardScaler::fit(const std::vector<double>& values, int64_t variates, int64_t begin,
                                   int64_t end, int64_t freedom) {
  StandardScaler scaler = identity(variates);
  const auto rows = static_cast<double>(end - begin);
  for (int64_t c = 0; c < variates; ++c) {
    double sum = 0.0, rest = 0.0, squares = 0.0;
    for (int64_t row = begin; row < end; ++row) sum += values[row * variates + c];
    // What rounding took from a long sum is put back: a constant column must come out constant.
    for (int64_t row = begin; row < end; ++row) rest += values[row * variates + c] - sum / rows;
    const double mean = sum / rows + rest / rows;
    for (int64_t row = begin; row < end; ++row) squares += std::pow(values[row * variates + c] - mean, 2);
    const double deviation = std::sqrt(squares / std::max(1.0, rows - static_cast<double>(freedom)));
    scaler.mean[c] = mean;
    // A column that does not vary but for rounding has no scale of its own.
    const bool constant = deviation <= 10 * std::numeric_limits<double>::epsilon() * std::abs(mean);
    scaler.scale[c] = constant ? 1.0 : deviation;
  }
  return scaler;
}

StandardScaler StandardScaler::identity(int64_t variates) {
  return {std::vector<double>(variates, 0.0), std::vector<double>(variates, 1.0)};
}

}  // namespace arzoo::forecast
