#include "forecast/any_length_forecaster.h"

#include <torch/torch.h>

namespace arzoo::forecast {

at::Tensor variate_rows(const at::Tensor& windows) { return windows.transpose(1, 2).flatten(0, 1); }

at::Tensor AnyLengthForecaster::forecast(const ForecastBatch& batch) {
  const auto& x = batch.x_enc;
  const auto ahead = forecast_rows(variate_rows(x), {}, pred_len_).to(at::kFloat);
  return ahead.view({x.size(0), x.size(2), pred_len_}).transpose(1, 2);
}

}  // namespace arzoo::forecast
