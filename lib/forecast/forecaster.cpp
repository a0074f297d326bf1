#include "forecast/forecaster.h"

#include <torch/torch.h>

namespace arzoo::forecast {

at::Tensor ForecastBatch::known_enc() const {
  return known.defined() ? known.narrow(1, 0, x_enc.size(1)) : at::Tensor();
}

at::Tensor ForecastBatch::known_dec() const {
  if (!known.defined()) return {};
  const int64_t steps = x_dec.size(1);
  return known.narrow(1, known.size(1) - steps, steps);
}

ForecastBatch ForecastBatch::to(at::Device device) const {
  auto moved = *this;
  for (auto* tensor : {&moved.x_enc, &moved.x_mark_enc, &moved.x_dec, &moved.x_mark_dec, &moved.known,
                       &moved.statics, &moved.target, &moved.measured}) {
    if (tensor->defined()) *tensor = tensor->to(device);
  }
  return moved;
}

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
