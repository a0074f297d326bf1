#include "forecast/next_token_forecaster.h"

#include <torch/torch.h>

namespace arzoo::forecast {

at::Tensor NextTokenForecaster::roll_out(const ForecastBatch& batch, int64_t horizon) {
  const int64_t length = batch.x_enc.size(1), token = token_len();
  std::vector<at::Tensor> tokens;
  for (auto window = batch; true;) {
    tokens.push_back(next_tokens(window).narrow(1, length - token, token));
    if (static_cast<int64_t>(tokens.size()) * token >= horizon) break;
    window.x_enc = at::cat({window.x_enc.narrow(1, token, length - token), tokens.back()}, 1);
    window.trace = nullptr;
  }
  return at::cat(tokens, 1).narrow(1, 0, horizon);
}

runtime::Losses NextTokenForecaster::loss(const ForecastBatch& batch) {
  const auto forecasts = scored_channels(next_tokens(batch).to(at::kFloat), batch.target);
  const auto seen = scored_channels(batch.x_enc, batch.target);
  const int64_t known = seen.size(1) - token_len();
  const auto truth = at::cat({seen.narrow(1, token_len(), known), batch.target.narrow(1, 0, token_len())}, 1);
  return {at::mse_loss(forecasts, truth)};
}

}  // namespace arzoo::forecast
