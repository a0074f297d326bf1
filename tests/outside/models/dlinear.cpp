#include "dlinear.h"

#include <torch/torch.h>

#include "forecast/forecaster.h"
#include "forecast/layers/series_decomposition.h"

namespace arzoo::forecast {
namespace {

class DLinear : public Forecaster {
 public:
  DLinear(const DLinearOptions& options, const SeriesShape& shape)
      : moving_avg_(options.moving_avg),
        seasonal_(register_module("Linear_Seasonal", torch::nn::Linear(shape.seq_len, shape.pred_len))),
        trend_(register_module("Linear_Trend", torch::nn::Linear(shape.seq_len, shape.pred_len))) {}

  at::Tensor forecast(const ForecastBatch& batch) override {
    const auto [seasonal, trend] = decompose(batch.x_enc, moving_avg_);  // [B, L, C] each
    const auto mapped = seasonal_->forward(seasonal.transpose(1, 2)) + trend_->forward(trend.transpose(1, 2));
    return mapped.transpose(1, 2);  // [B, S, C]
  }

 private:
  int64_t moving_avg_;
  torch::nn::Linear seasonal_, trend_;
};

}  // namespace

template <>
std::shared_ptr<Forecaster> make(const DLinearOptions& options, const SeriesShape& shape) {
  return std::make_shared<DLinear>(options, shape);
}

}  // namespace arzoo::forecast
