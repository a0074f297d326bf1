#pragma once

#include <torch/torch.h>

#include "forecast/forecaster.h"
#include "forecast/loss_options.h"
#include "forecast/scores/distribution.h"

namespace arzoo::forecast {

/// Makes a distribution of any forecaster's point forecast, which becomes its median. One small network
/// beside the model, the same for all models; the model itself stays as it is.
///
/// The spread of a step and variate is softplus of a sum: a number of the step, one of the variate, a map of
/// the variate's history (standardised values, their magnitudes, the logarithm of its standard deviation)
/// through one hidden layer, a map of the step's calendar features and covariates known ahead through
/// another, and a multiple of the forecast and of its magnitude. Loss normal and student_t: the spread is the
/// scale (and each variate has its own degrees of freedom, above 2). Loss quantile: it is the distance
/// between two neighbouring quantiles, counted up and down from the median, so that quantiles never cross.
class DistributionHead : public torch::nn::Module {
 public:
  /// Its name within the model.
  static constexpr const char* kName = "distribution_head";

  DistributionHead(const LossOptions& options, const SeriesShape& shape);

  /// point: [B, S, c_out], the model's forecast of the batch; returns its distribution, cells of that shape.
  Distribution forward(const ForecastBatch& batch, const at::Tensor& point);

 private:
  /// [B, S, c_out, spreads], positive.
  at::Tensor spreads(const ForecastBatch& batch, const at::Tensor& point);
  at::Tensor of_history(const at::Tensor& windows);

  std::string loss_;
  std::vector<double> levels_;  ///< with the median; of loss quantile
  int64_t below_ = 0;           ///< levels below the median
  int64_t spreads_ = 1, steps_, channels_;
  at::Tensor of_step_, of_variate_;  ///< [S, spreads], [c_out, spreads]
  at::Tensor tail_;                  ///< [c_out], of loss student_t
  torch::nn::Linear history_hidden_{nullptr}, history_out_{nullptr};
  torch::nn::Linear calendar_hidden_{nullptr}, calendar_out_{nullptr};  ///< null without such inputs
  torch::nn::Linear by_forecast_{nullptr};
};

/// Gives the model a head when the loss is of a distribution; null otherwise. The head's parameters are the
/// model's, under its name. section: of the config that asks for it. Throws ConfigError for one that memory
/// cannot hold.
std::shared_ptr<DistributionHead> add_distribution_head(Forecaster& model, const LossOptions& options,
                                                        const SeriesShape& shape, const Config& section);

/// The loss of a batch as the options say; loss mse is the model's own. head: null for a point forecast.
runtime::Losses training_loss(Forecaster& model, DistributionHead* head, const LossOptions& options,
                              const ForecastBatch& batch);

}  // namespace arzoo::forecast
