#include "forecast/forecaster.h"

#include <torch/torch.h>

namespace arzoo::forecast {

at::Tensor scored_channels(const at::Tensor& forecast, const at::Tensor& target) {
  const int64_t channels = target.size(2);
  return forecast.size(2) == channels ? forecast : forecast.narrow(2, forecast.size(2) - channels, channels);
}

runtime::Losses Forecaster::loss(const ForecastBatch& batch) {
  const auto predicted = scored_channels(forecast(batch), batch.target).to(at::kFloat);
  if (!batch.measured.defined()) return {at::mse_loss(predicted, batch.target)};
  const auto squared = (predicted - batch.target).square() * batch.measured;
  return {squared.sum() / batch.measured.sum().clamp_min(1)};
}

}  // namespace arzoo::forecast
