#include "forecast/layers/distribution_head.h"

#include <cmath>

#include "runtime/memory_budget.h"

namespace arzoo::forecast {
namespace {

constexpr int64_t kHidden = 32;
constexpr double kLeastSpread = 1e-4;  // of a standardised series: a constant one has no bounded likelihood
constexpr double kLeastDegrees = 2.0;

/// softplus of which is y.
double inverse_softplus(double y) { return std::log(std::expm1(y)); }

/// The distances between neighbouring quantiles of the standard normal distribution, outwards from the
/// median.
std::vector<double> normal_distances(const std::vector<double>& levels) {
  const auto scores = at::special_ndtri(at::tensor(levels, at::kDouble));
  std::vector<double> distances;
  for (int64_t i = 1; i < scores.numel(); ++i)
    distances.push_back((scores[i] - scores[i - 1]).item<double>());
  return distances;
}

/// The mean over the cells that count.
at::Tensor mean_of(const at::Tensor& losses, const at::Tensor& measured) {
  if (!measured.defined()) return losses.mean();
  return (losses * measured).sum() / measured.sum().clamp_min(1);
}

}  // namespace

DistributionHead::DistributionHead(const LossOptions& options, const SeriesShape& shape)
    : loss_(options.loss), steps_(shape.pred_len), channels_(shape.c_out) {
  std::vector<double> initial{1.0};
  if (loss_ == "quantile") {
    levels_ = options.levels_with_median();
    below_ = std::lower_bound(levels_.begin(), levels_.end(), 0.5) - levels_.begin();
    initial = normal_distances(levels_);
    spreads_ = static_cast<int64_t>(initial.size());
  }
  for (auto& spread : initial) spread = inverse_softplus(spread);
  of_step_ = register_parameter("of_step", at::tensor(initial, at::kFloat).repeat({steps_, 1}));
  of_variate_ = register_parameter("of_variate", at::zeros({channels_, spreads_}));
  if (loss_ == "student_t") tail_ = register_parameter("tail", at::full({channels_}, inverse_softplus(4.0)));
  history_hidden_ = register_module("history_hidden", torch::nn::Linear(2 * shape.seq_len + 1, kHidden));
  history_out_ = register_module("history_out", torch::nn::Linear(kHidden, steps_ * spreads_));
  if (const int64_t width = shape.marks + shape.known_in; width > 0) {
    calendar_hidden_ = register_module("calendar_hidden", torch::nn::Linear(width, kHidden));
    calendar_out_ = register_module(
        "calendar_out", torch::nn::Linear(torch::nn::LinearOptions(kHidden, spreads_).bias(false)));
  }
  by_forecast_ =
      register_module("by_forecast", torch::nn::Linear(torch::nn::LinearOptions(2, spreads_).bias(false)));
}

/// windows: [B, L, c_out]; returns [B, S, c_out, spreads].
at::Tensor DistributionHead::of_history(const at::Tensor& windows) {
  constexpr double kLeastVariance = 1e-8;
  const auto rows = windows.transpose(1, 2);  // [B, C, L]
  const auto centred = rows - rows.mean(-1, true);
  const auto deviation = centred.square().mean(-1, true).add(kLeastVariance).sqrt();
  const auto standardised = centred / deviation;
  const auto features = at::cat({standardised, standardised.abs(), deviation.log()}, -1);
  const auto hidden = at::gelu(history_hidden_->forward(features.to(of_step_.scalar_type())));
  return history_out_->forward(hidden).unflatten(-1, {steps_, spreads_}).permute({0, 2, 1, 3});
}

at::Tensor DistributionHead::spreads(const ForecastBatch& batch, const at::Tensor& point) {
  // The forecast is an input here: the spread must not pull at it.
  const auto forecast = point.detach();
  const auto type = of_step_.scalar_type();
  auto sum = of_history(batch.x_enc.narrow(2, batch.x_enc.size(2) - channels_, channels_).to(at::kFloat)) +
             of_step_.unsqueeze(1) + of_variate_ +
             by_forecast_->forward(at::stack({forecast, forecast.abs()}, -1).to(type));
  if (calendar_hidden_) {
    std::vector<at::Tensor> inputs;
    for (const auto& input : {batch.x_mark_dec, batch.known}) {
      if (input.defined()) inputs.push_back(input.narrow(1, input.size(1) - steps_, steps_).to(type));
    }
    const auto hidden = at::gelu(calendar_hidden_->forward(at::cat(inputs, -1)));
    sum = sum + calendar_out_->forward(hidden).unsqueeze(2);
  }
  return at::softplus(sum.to(at::kFloat)) + kLeastSpread;
}

Distribution DistributionHead::forward(const ForecastBatch& batch, const at::Tensor& point) {
  const auto location = point.to(at::kFloat);
  const auto spread = spreads(batch, location);  // [B, S, C, spreads]
  if (loss_ == "normal") return Distribution::normal(location, spread.squeeze(-1));
  if (loss_ == "student_t")
    return Distribution::student_t(location, spread.squeeze(-1),
                                   at::softplus(tail_.to(at::kFloat)) + kLeastDegrees);
  const auto median = location.unsqueeze(-1);
  const auto downwards = spread.narrow(-1, 0, below_).flip({-1}).cumsum(-1).flip({-1});
  const auto upwards = spread.narrow(-1, below_, spreads_ - below_).cumsum(-1);
  return Distribution::quantiles(levels_, at::cat({median - downwards, median, median + upwards}, -1));
}

std::shared_ptr<DistributionHead> add_distribution_head(Forecaster& model, const LossOptions& options,
                                                        const SeriesShape& shape, const Config& section) {
  if (!options.has_distribution()) return nullptr;
  const auto build = [&] { return std::make_shared<DistributionHead>(options, shape); };
  return model.register_module(DistributionHead::kName, runtime::within_memory(section, build));
}

runtime::Losses training_loss(Forecaster& model, DistributionHead* head, const LossOptions& options,
                              const ForecastBatch& batch) {
  if (options.loss == "mse") return model.loss(batch);
  const auto point = scored_channels(model.forecast(batch), batch.target).to(at::kFloat);
  if (head != nullptr) return {mean_of(head->forward(batch, point).loss(batch.target), batch.measured)};
  if (options.loss == "mae") return {mean_of((point - batch.target).abs(), batch.measured)};
  return {
      mean_of(at::huber_loss(point, batch.target, at::Reduction::None, options.huber_delta), batch.measured)};
}

}  // namespace arzoo::forecast
