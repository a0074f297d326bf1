#pragma once

#include <functional>

#include "forecast/models/chronos2_prediction.h"

/// Windows for fine-tuning Chronos-2 (the official Chronos2Pipeline.fit). Shapes: `R` rows of a task, `B`
/// rows of a batch, `H` steps ahead.
namespace arzoo::forecast {

/// Modules that the official code adapts with LoRA.
inline constexpr const char* kChronos2LoraTargets[] = {"self_attention.q", "self_attention.v",
                                                       "self_attention.k", "self_attention.o",
                                                       "output_patch_embedding.output_layer"};

struct TuningOptions {
  int64_t horizon = 1;
  int64_t min_past = 1;      ///< steps before a cut, at least
  int64_t batch_size = 256;  ///< rows of a batch, at least
  int64_t context_length = 8192;
};

/// A random integer in [low, high).
using RandomInteger = std::function<int64_t(int64_t low, int64_t high)>;

/// A batch and what is to be forecast.
struct TuningBatch {
  Chronos2Input input;
  at::Tensor target;  ///< [B, H] float, NaN in the rows of covariates
};

/// Series cut at random places.
class TuningWindows {
 public:
  /// series: whole, their covariates known ahead without future values, which are those after the cut. Those
  /// of fewer than min_past + horizon steps are left out. Throws DataError when none is left.
  TuningWindows(std::span<const ZeroShotSeries> series, const TuningOptions& options);

  int64_t series() const { return static_cast<int64_t>(tasks_.size()); }
  int64_t left_out() const { return left_out_; }
  /// Series with replacement until the batch has its rows, then a cut of each.
  TuningBatch random_batch(const RandomInteger& random) const;
  /// The last window of each of some series.
  TuningBatch last_windows(std::span<const std::size_t> series) const;

 private:
  struct Cut {
    std::size_t series;
    int64_t place;
  };
  TuningBatch batch_of(const std::vector<Cut>& cuts) const;

  TuningOptions options_;
  std::vector<Chronos2Rows> tasks_;  ///< whole, without a future
  int64_t left_out_ = 0;
};

}  // namespace arzoo::forecast
