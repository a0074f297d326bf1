#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>

#include "forecast/series_shape.h"

namespace arzoo::forecast {

/// Split-conformal prediction intervals (Vovk et al. 2005; Lei et al. 2018): the half-width at level p is the
/// ceil((n + 1) p)-th smallest absolute residual of n calibration windows, for each step and variate on its
/// own. n counts the windows whose cell was measured.
///
/// All residuals are stored while they fit into kMostValues. Past that the kTail largest are all stored, so
/// that high levels stay exact, and of the smaller ones some that are evenly spaced: a rank between two of
/// them becomes the next larger residual, so coverage is never below the level's.
class ConformalScores {
 public:
  static constexpr int64_t kMostValues = int64_t{1} << 23;  // 32 MiB of fp32
  static constexpr int64_t kTail = 256;

  ConformalScores() = default;
  /// residuals: [n, S, C] in the scale of the model's output, NaN where nothing was measured. Of a model that
  /// forecasts distributions the normal scores of the truth (Distribution::scores): the intervals are then
  /// those of distributional conformal prediction (Chernozhukov, Wüthrich, Zhu, PNAS 2021).
  static ConformalScores fit(const at::Tensor& residuals);
  /// Reads what save() wrote. Throws CheckpointError for another shape than [*, pred_len, c_out].
  static ConformalScores open(const std::filesystem::path& file, const SeriesShape& shape);
  void save(const std::filesystem::path& file) const;

  bool empty() const { return !residuals_.defined(); }
  /// [K, S, C], largest first.
  const at::Tensor& residuals() const { return residuals_; }
  /// [K]: the place of each among all, from 1 for the largest.
  const at::Tensor& places() const { return places_; }
  /// [S, C]: calibration windows of each cell.
  const at::Tensor& counts() const { return counts_; }
  /// Calibration windows of the cell that has the fewest.
  int64_t windows() const;
  /// The highest level that so many windows calibrate, in percent: 100 n / (n + 1).
  double highest_level() const;

  /// [horizon, C] at `level` percent in (0, 100). Steps past S grow as the square root of the lead time, the
  /// rate of a random walk: no calibration window measured them. Throws UsageError above highest_level().
  at::Tensor half_width(double level, int64_t horizon) const;
  /// The same at the steps that were calibrated, [S, C].
  at::Tensor half_width(double level) const;
  /// Lag-1 autocorrelation of the standardised residuals over the steps of a window, [C] double in (-1, 1);
  /// undefined where the file, of an earlier version, does not say.
  const at::Tensor& autocorrelation() const { return autocorrelation_; }

 private:
  at::Tensor residuals_;  ///< [K, S, C] float, descending
  at::Tensor places_;     ///< [K] int64, ascending: residuals_[k] is the places_[k]-th largest
  at::Tensor counts_;     ///< [S, C] int64: calibration windows of each cell
  at::Tensor autocorrelation_;
};

/// Conformal p-values of residuals: the share (1 + m) / (n + 1), where m of n calibration residuals of the
/// same step and variate are as large at least. If the new residual comes from where those came from, it is
/// below p with probability p at most. Of residuals that were not all stored, m is the largest that those
/// stored allow.
class ConformalPValues {
 public:
  /// scores: not empty.
  explicit ConformalPValues(const ConformalScores& scores);
  /// residuals: [N, S' <= S, C] double, in the scale of the scores, NaN where there is none. Returns [N, S',
  /// C] double, NaN there.
  at::Tensor of(const at::Tensor& residuals) const;

 private:
  at::Tensor ascending_;  ///< [S, C, K] float
  at::Tensor at_least_;   ///< [K + 1] int64: how many of all are as large, when so many of those stored are
  at::Tensor counts_;     ///< [S, C] int64
};

}  // namespace arzoo::forecast
