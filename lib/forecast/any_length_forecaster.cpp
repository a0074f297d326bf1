#include "forecast/any_length_forecaster.h"

#include <torch/torch.h>

#include <algorithm>

namespace arzoo::forecast {

at::Tensor variate_rows(const at::Tensor& windows) { return windows.transpose(1, 2).flatten(0, 1); }

at::Tensor AnyLengthForecaster::forecast_ragged(const std::vector<at::Tensor>& histories, int64_t horizon,
                                                const at::Device& device) {
  int64_t longest = 0, shortest = histories.front().size(0);
  for (const auto& history : histories) {
    longest = std::max(longest, history.size(0));
    shortest = std::min(shortest, history.size(0));
  }
  const auto count = static_cast<int64_t>(histories.size());
  auto padded = at::zeros({count, longest}), attention_mask = at::zeros({count, longest}, at::kLong);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t length = histories[i].size(0);
    padded[i].narrow(0, longest - length, length).copy_(histories[i]);
    attention_mask[i].narrow(0, longest - length, length).fill_(1);
  }
  return forecast_rows(padded.to(device), shortest < longest ? attention_mask.to(device) : at::Tensor(),
                       horizon)
      .to(at::kCPU, at::kFloat);
}

at::Tensor AnyLengthForecaster::forecast(const ForecastBatch& batch) {
  const auto& x = batch.x_enc;
  const auto ahead = forecast_rows(variate_rows(x), {}, pred_len_).to(at::kFloat);
  return ahead.view({x.size(0), x.size(2), pred_len_}).transpose(1, 2);
}

}  // namespace arzoo::forecast
