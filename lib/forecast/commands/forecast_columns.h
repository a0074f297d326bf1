#pragma once

#include <vector>

#include "forecast/forecast_model.h"
#include "io/series_output.h"
#include "plan/tasks.h"

namespace arzoo::forecast {

/// What --level, --quantiles, --samples and --conformal ask for.
ForecastLevels asked_levels(const plan::ForecastTask& task);

/// Throws UsageError for a level that the model does not forecast, for paths that it has no distribution for,
/// and for more of them than memory should hold.
void require_distribution(const plan::ForecastTask& task, const ForecastModel& model, int64_t horizon);

/// Appends lo-80, hi-80, q-0.1, sample-1, …
void add_level_columns(std::vector<io::OutputColumn>& columns, const plan::ForecastTask& task);

/// The sample paths of one series after another, each by its place in the output: they depend neither on how
/// series are batched nor on the number of threads.
class SampleColumns {
 public:
  SampleColumns(const plan::ForecastTask& task, const ForecastModel& model)
      : model_(model), seed_(static_cast<uint64_t>(task.compute.seed.value_or(0))), samples_(task.samples) {}

  /// [horizon, samples] double of the next series, the given variate of the forecast; undefined when no
  /// samples are asked for.
  at::Tensor next(const SeriesForecast& forecast, int64_t variate);
  /// Passes over series that are another process's, so many variates.
  void skip(std::size_t variates) { series_ += variates; }

 private:
  const ForecastModel& model_;
  uint64_t seed_, series_ = 0;
  int64_t samples_;
};

}  // namespace arzoo::forecast
