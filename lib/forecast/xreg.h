#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <string>
#include <vector>

#include "forecast/zero_shot_model.h"

/// Covariates by a linear regression around a forecaster that takes none (TimesFM's XReg, of its official
/// code). Shapes: `T` steps of history, `H` steps ahead, `F` columns of the design matrix.
namespace arzoo::forecast {

/// Which of the two explains the targets first: "xreg + timesfm" and "timesfm + xreg" of the official code.
enum class XRegMode { regression_first, model_first };

/// A value per series.
struct StaticCovariate {
  std::string name;
  std::vector<double> numbers;          ///< one per series, or
  std::vector<std::string> categories;  ///< one per series
};

struct XRegOptions {
  double ridge = 0.0;
  /// Standardise each series' target by its population standard deviation before the fit.
  bool normalize_target = true;
};

/// A series without its first steps.
ZeroShotSeries without_start(const ZeroShotSeries& series, int64_t steps);

/// Rows of all series one below the other, [rows, F] double.
struct DesignMatrix {
  at::Tensor history, horizon;
  std::vector<int64_t> history_rows, horizon_rows;  ///< of each series
};

/// Columns: 1, the numeric covariates by name and the static ones in order, standardised over the history of
/// all series; then a column per category of those covariates in the same order, without the first where
/// ridge is 0. A category that the history does not have is 0 everywhere. All covariates must be known ahead.
/// Throws DataError naming series and covariate where one is missing, unknown or of another length.
DesignMatrix design_matrix(std::span<const ZeroShotSeries> series, std::span<const StaticCovariate> statics,
                           double ridge);

/// The linear fit of targets on a design matrix.
struct XRegFit {
  std::vector<at::Tensor> history, horizon;  ///< of each series, [T] and [H] double
};

/// beta = pinv(X'X + ridge I) X'y, pooled over all series. targets: [T] of each series, whole and finite.
XRegFit fit_xreg(const DesignMatrix& design, std::span<const at::Tensor> targets, double ridge);

/// Targets standardised one by one, and the way back.
struct TargetScale {
  std::vector<double> mean, deviation;
  static TargetScale of(std::span<const at::Tensor> targets, bool wanted);
  at::Tensor apply(std::size_t i, const at::Tensor& target) const {
    return (target - mean[i]) / deviation[i];
  }
  at::Tensor invert(std::size_t i, const at::Tensor& values) const { return values * deviation[i] + mean[i]; }
};

}  // namespace arzoo::forecast
