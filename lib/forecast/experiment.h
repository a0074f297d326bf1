#pragma once

#include "forecast/data/series_data.h"
#include "forecast/layers/distribution_head.h"
#include "forecast/scores/conformal.h"
#include "runtime/device.h"
#include "runtime/epoch_order.h"
#include "runtime/prefetcher.h"

namespace arzoo::forecast {

/// Training a forecaster on the windows of a file.
class ForecastExperiment : public runtime::Experiment {
 public:
  /// config: resolved (plan/run_config.h). Throws DataError for data that does not fit, ConfigError for a
  /// model that does not.
  ForecastExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  int64_t batches_per_epoch() const override;
  runtime::Losses loss(int64_t batch) override;
  /// {"mse", "mae"} over all windows, steps and channels at once, on scaled values, as the papers report
  /// them; measured cells alone. Loss mae: {"mae", "mse"}; huber: {"huber", "mse", "mae"}; of a distribution:
  /// {"crps", "wql", "mse", "mae", "coverage_80", "width_80"}. The validation split also fits the intervals
  /// anew.
  runtime::Metrics evaluate(runtime::Split split) override;
  /// Writes config.json (model, shape, columns, scalers), model.safetensors and the conformal scores of the
  /// validation split.
  void save(const std::filesystem::path& folder) override;
  /// Weights and conformal scores.
  void load(const std::filesystem::path& folder) override;
  /// The last test window of a few variates, in the units of the file, beside the truth.
  std::vector<ReportSection> showcase() override;

  const SeriesData& data() const { return data_; }
  std::vector<std::string> notes() const override { return notes_; }
  /// Seconds that training steps have waited for their batch; the loader's share of the time.
  double loader_seconds() const override { return loader_seconds_; }
  Json reference_shape() const override;
  /// The first seq_len rows of the file, in its units, as a line of `forecast --stream`; null for a model
  /// with covariates.
  Json stream_request() const;

 private:
  ForecastBatch training_batch(int64_t batch) const;
  runtime::Split calibration_split() const;
  void calibrate(const std::vector<at::Tensor>& residuals);
  std::pair<at::Tensor, at::Tensor> interval_of(const ForecastBatch& batch, const at::Tensor& point);

  Config config_;
  runtime::Compute compute_;
  EvaluationOptions evaluation_;
  std::vector<std::string> notes_;
  SeriesData data_;
  LossOptions loss_;
  std::shared_ptr<Forecaster> model_;
  std::shared_ptr<DistributionHead> head_;  ///< null for a point forecast
  ConformalScores scores_;
  double loader_seconds_ = 0.0;
  int64_t seed_;
  mutable runtime::EpochOrder order_;  ///< the loader thread's alone, but for batches()
  runtime::Prefetcher<ForecastBatch> loader_;
};

}  // namespace arzoo::forecast
