#pragma once

#include "forecast/forecaster.h"

namespace arzoo::forecast {

/// A forecaster that says for every token of its window which token comes next, and that looks as far ahead
/// as it is asked to by reading its own forecasts (GPHT and its kin).
class NextTokenForecaster : public Forecaster {
 public:
  /// Step p is the forecast of step p + token_len() of the series, from the tokens up to p's. The window is
  /// the batch's x_enc [B, L, C], L a multiple of token_len(); returns [B, L, C].
  virtual at::Tensor next_tokens(const ForecastBatch& batch) = 0;
  /// Steps of one token.
  virtual int64_t token_len() const = 0;

  /// Goes on token by token, the window moving along: [B, horizon, C].
  at::Tensor roll_out(const ForecastBatch& batch, int64_t horizon);

  at::Tensor forecast(const ForecastBatch& batch) override { return roll_out(batch, pred_len_); }
  /// Mean squared error of all next tokens of the window, not of the last one's alone: the target must reach
  /// at least token_len() steps ahead.
  runtime::Losses loss(const ForecastBatch& batch) override;

 protected:
  explicit NextTokenForecaster(int64_t pred_len) : pred_len_(pred_len) {}

 private:
  int64_t pred_len_;
};

}  // namespace arzoo::forecast
