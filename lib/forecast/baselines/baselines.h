#pragma once

#include <ATen/core/Tensor.h>

/// Forecasts that a model must beat to be worth its time. Shapes: `R` rows, one series each, `T` steps of
/// history.
namespace arzoo::forecast {

/// The last `season` steps over and over. history: [R, T], T at least season; returns [R, horizon].
at::Tensor seasonal_naive(const at::Tensor& history, int64_t horizon, int64_t season);

/// One linear map from the history to all steps ahead, shared by all series. The history's last value is
/// subtracted from both (NLinear of Zeng et al., AAAI 2023). The weights are the closed-form least-squares
/// solution.
class LinearBaseline {
 public:
  LinearBaseline(int64_t context, int64_t horizon);
  /// Windows to fit. history: [R, context]; future: [R, horizon].
  void add(const at::Tensor& history, const at::Tensor& future);
  /// The weights that fit what was added, shrunk a little (ridge: kRidge times the number of windows is added
  /// to the squares of each input). At least one window must have been added.
  void solve();
  /// history: [R, context]; returns [R, horizon].
  at::Tensor forecast(const at::Tensor& history) const;

  int64_t windows() const { return windows_; }

 private:
  static constexpr double kRidge = 1e-3;

  int64_t windows_ = 0;
  at::Tensor squares_;   ///< [context + 1, context + 1] double, inputs with a constant
  at::Tensor products_;  ///< [context + 1, horizon] double
  at::Tensor weights_;   ///< [context + 1, horizon] double
};

}  // namespace arzoo::forecast
