#include "forecast/commands/forecast_columns.h"

#include <torch/torch.h>

#include "core/seeded_random.h"
#include "forecast/scores/sample_paths.h"
#include "nn/seeded_noise.h"

namespace arzoo::forecast {

ForecastLevels asked_levels(const plan::ForecastTask& task) {
  ForecastLevels levels(task.levels, task.quantiles);
  levels.distribution = task.samples > 0;
  levels.conformal = task.conformal == "split" || task.conformal == "adaptive";
  return levels;
}

void require_distribution(const plan::ForecastTask& task, const ForecastModel& model, int64_t horizon) {
  if (task.conformal == "none" && !model.has_distribution() && !model.is_zero_shot()) {
    fail<UsageError>(
        "--conformal none: {} forecasts points, whose only intervals are conformal (train it with "
        "training.loss "
        "quantile, student_t or normal)",
        model.name());
  }
  const auto levels = asked_levels(task);
  model.require_levels(levels);
  if (task.samples == 0) return;
  if (model.possible_levels({80.0}, levels.conformal).empty() || !model.has_intervals()) {
    fail<UsageError>(
        "--samples: {} has no distribution to sample from (train it with training.loss quantile, student_t "
        "or "
        "normal, or with a longer validation split)",
        model.name());
  }
  model.autocorrelation(0);
  if (task.samples > plan::kMostSampledSteps / horizon) {
    fail<UsageError>("--samples {} of {} steps are more than {} numbers for one series (ask for fewer)",
                     task.samples, horizon, plan::kMostSampledSteps);
  }
}

void add_level_columns(std::vector<io::OutputColumn>& columns, const plan::ForecastTask& task) {
  for (const double level : task.levels) {
    columns.push_back({fmt::format("lo-{:g}", level)});
    columns.push_back({fmt::format("hi-{:g}", level)});
  }
  for (const double level : task.quantiles) columns.push_back({fmt::format("q-{:g}", level)});
  for (int64_t path = 1; path <= task.samples; ++path) columns.push_back({fmt::format("sample-{}", path)});
}

at::Tensor SampleColumns::next(const SeriesForecast& forecast, int64_t variate) {
  const auto series = series_++;
  if (samples_ == 0) return {};
  const c10::InferenceMode inference;
  const auto own =
      forecast.distribution.chosen([&](const at::Tensor& part) { return part.select(1, variate); });
  const auto paths = sample_paths(own, model_.autocorrelation(variate), item_seed(seed_, series),
                                  /*first=*/0, samples_);
  return paths.t().contiguous();
}

}  // namespace arzoo::forecast
