#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/progress.h"
#include "forecast/forecast_model.h"

namespace arzoo::forecast {

/// Counts forecasts that hold something that is no finite number: of weights that are none, or of values near
/// the largest double. Their cells would be empty without a word.
class FiniteForecasts {
 public:
  /// ids: of the forecast's variates.
  void look_at(const SeriesForecast& forecast, const std::vector<std::string>& ids);
  /// Warns, naming the first that is not finite; throws DataError, opened by `model`, when none is.
  void report(const std::string& model, Progress& progress) const;

 private:
  int64_t all_ = 0, not_finite_ = 0;
  std::string first_;
};

}  // namespace arzoo::forecast
