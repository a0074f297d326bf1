#include "forecast/commands/finite_forecasts.h"

#include <torch/torch.h>

#include "io/csv.h"

namespace arzoo::forecast {

void FiniteForecasts::look_at(const SeriesForecast& forecast, const std::vector<std::string>& ids) {
  all_ += static_cast<int64_t>(ids.size());
  const auto finite = forecast.mean.isfinite().all(/*dim=*/0);
  if (finite.all().item<bool>()) return;
  for (std::size_t c = 0; c < ids.size(); ++c) {
    if (finite[static_cast<int64_t>(c)].item<bool>()) continue;
    if (not_finite_++ == 0) first_ = ids[c];
  }
}

void FiniteForecasts::report(const std::string& model, Progress& progress) const {
  constexpr const char* kHint = "(are the model's weights finite, and the series' last values not huge?)";
  if (not_finite_ == 0) return;
  if (not_finite_ == all_) fail<DataError>("{}: no forecast is a finite number {}", model, kHint);
  progress.warn(fmt::format("{} of {} forecasts are not finite numbers and have empty cells, first {} {}",
                            not_finite_, all_, io::shown(first_), kHint));
}

}  // namespace arzoo::forecast
