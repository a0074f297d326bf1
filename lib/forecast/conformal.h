#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::forecast {

/// Split-conformal prediction intervals (Vovk et al. 2005; Lei et al. 2018): the half-width at level p is the
/// ceil((n + 1) p)-th smallest absolute residual of n validation windows, for each step and variate on its
/// own.
///
/// At most kRanks evenly spaced order statistics are kept, each rounded up to the next, so that coverage
/// holds and a file stays small however long the validation split was. A level that n windows are too few for
/// (n < level / (100 - level)) gets their largest residual, and may cover less.
class ConformalScores {
 public:
  static constexpr int64_t kRanks = 256;

  ConformalScores() = default;
  /// ranks: [K, S, C], ascending along K, as ranks() gives them.
  explicit ConformalScores(at::Tensor ranks) : ranks_(std::move(ranks)) {}
  /// residuals: [n, S, C], in the scale of the model's output.
  static ConformalScores fit(const at::Tensor& residuals);

  bool empty() const { return !ranks_.defined(); }
  const at::Tensor& ranks() const { return ranks_; }

  /// [horizon, C] at `level` percent in (0, 100). Steps past S grow as the square root of the lead time, the
  /// rate of a random walk: no validation window measured them.
  at::Tensor half_width(double level, int64_t horizon) const;

 private:
  at::Tensor ranks_;
};

}  // namespace arzoo::forecast
