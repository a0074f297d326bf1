#pragma once

#include <optional>

#include "forecast/models/chronos2_model.h"

/// From raw series to quantiles (the official Chronos2Pipeline). Shapes as in chronos2_model.h; `R` rows of a
/// task.
namespace arzoo::forecast {

/// How a horizon beyond one pass is reached.
struct UnrollOptions {
  /// Levels of the paths that are followed; the model's own must have them.
  std::vector<double> levels = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};
  int64_t max_output_patches = 64;  ///< of a pass
};

/// The quantiles of `horizon` steps, [B, Q, horizon]. Beyond the first pass every row is followed along the
/// quantiles `options.levels` of its last forecast; the next passes' quantiles of all these paths are reduced
/// to those of the model by their probability. Known covariates replace forecasts of their own rows.
/// `input.output_patches` is ignored. No autograd. Throws UsageError for a level that the model does not
/// have.
at::Tensor unrolled_quantiles(const Chronos2& model, const Chronos2Input& input, int64_t horizon,
                              const UnrollOptions& options);

/// A series as the rows of one group: targets, past-only covariates, known covariates.
struct Chronos2Rows {
  at::Tensor context;  ///< [R, T] float, NaN where missing
  at::Tensor future;   ///< [R, H] float, NaN where unknown
  int64_t targets = 1;
  int64_t known = 0;  ///< rows that are known ahead, the last ones
};

/// The rows of all series. Categories become numbers: of a series with one target, with `target_encoding`,
/// the mean target of the category, shrunk towards the series' mean by one observation; else their place
/// among the sorted categories that the past of any series has, which is unknown (NaN) for others.
std::vector<Chronos2Rows> chronos2_rows(std::span<const ZeroShotSeries> series, int64_t horizon,
                                        bool target_encoding = true);

/// The options of the official predict().
struct Chronos2PredictOptions {
  int64_t horizon = 1;
  int64_t batch_size = 256;               ///< rows
  std::optional<int64_t> context_length;  ///< at most the model's own
  bool cross_learning = false;            ///< all rows of a batch are one group
  UnrollOptions unroll;
};

/// One batch of the tasks [first, first + tasks), in order.
struct Chronos2Batch {
  std::size_t first = 0, tasks = 0;
};

/// Tasks in order until a batch has batch_size rows; a task is never split.
std::vector<Chronos2Batch> official_batches(std::span<const Chronos2Rows> tasks, int64_t batch_size);

/// The rows of some tasks, each cut to its last `context_length` steps, padded on the left with NaN.
/// group_ids count the tasks from 0, or are all 0. Their known future as well, where any of it is known.
Chronos2Input chronos2_batch(std::span<const Chronos2Rows* const> tasks, int64_t context_length,
                             bool one_group);

/// The targets' quantiles of each task, [targets, Q, horizon] float on the CPU. No autograd.
std::vector<at::Tensor> predict_rows(const Chronos2& model, std::span<const Chronos2Rows> tasks,
                                     const Chronos2PredictOptions& options, at::Device device);

/// ZeroShotModel::forecast_series.
std::vector<ZeroShotForecast> predict_chronos2(const Chronos2& model, std::span<const ZeroShotSeries> series,
                                               const ZeroShotRequest& request,
                                               const Chronos2ForecastOptions& chosen);

}  // namespace arzoo::forecast
