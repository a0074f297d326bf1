#pragma once

#include <vector>

namespace arzoo::forecast {

/// A classical method's forecast of one series: a normal distribution for each step ahead.
struct NormalForecast {
  std::vector<double> mean, stddev;  ///< [horizon]
};

}  // namespace arzoo::forecast
