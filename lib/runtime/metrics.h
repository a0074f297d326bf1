#pragma once

#include <ATen/core/Tensor.h>

#include "runtime/losses.h"

namespace arzoo::runtime {

class ProcessGroup;

/// Errors accumulated element by element, so that the result does not depend on the batches (never a mean of
/// means).
class ErrorSums {
 public:
  /// forecast, truth: the same shape; `counts`, bool of that shape: the elements that count, undefined: all.
  void add(const at::Tensor& forecast, const at::Tensor& truth, const at::Tensor& counts = {});
  /// All that the other has summed up.
  void add(const ErrorSums& other);
  /// All that the group's other processes have summed up.
  void add_parts(ProcessGroup& group);
  int64_t count() const { return count_; }
  double mse() const;
  double mae() const;
  /// Symmetric mean absolute percentage error, 200 |f - y| / (|f| + |y|), an element with both zero counting
  /// 0 (Makridakis, M4).
  double smape() const;

 private:
  double squared_ = 0.0, absolute_ = 0.0, symmetric_ = 0.0;
  int64_t count_ = 0;
};

/// Mean absolute difference of values `season` steps apart, the scale of MASE (Hyndman & Koehler 2006).
/// history: [T, C], NaN where nothing was measured: pairs of two measured values count. Returns [C], NaN for
/// a column that has no scale: shorter than a season, or repeating itself to within kExactRepeat of its mean
/// magnitude, which is rounding and no error.
inline constexpr double kExactRepeat = 1e-9;
at::Tensor seasonal_naive_error(const at::Tensor& history, int64_t season);
/// The same of squared differences, the scale of RMSSE (Makridakis et al., M5).
at::Tensor seasonal_naive_square(const at::Tensor& history, int64_t season);

/// 2 (1[y <= q] - level) (q - y) of each element, the quantile loss (Koenker & Bassett 1978) as the weighted
/// quantile loss counts it.
at::Tensor quantile_loss(const at::Tensor& quantile, const at::Tensor& truth, double level);

}  // namespace arzoo::runtime
