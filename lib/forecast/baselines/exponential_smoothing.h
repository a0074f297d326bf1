#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "forecast/scores/normal_forecast.h"

/// Exponential smoothing in state space form (Hyndman, Koehler, Ord & Snyder, Forecasting with Exponential
/// Smoothing, 2008). `T` steps of history.
namespace arzoo::forecast {

/// The parts of a model, "ETS(error, trend, season)".
struct EtsForm {
  enum class Trend { none, additive, damped };
  enum class Season { none, additive, multiplicative };
  bool multiplicative_error = false;
  Trend trend = Trend::none;
  Season season = Season::none;

  /// "ETS(M,Ad,A)".
  std::string name() const;
};

/// A form with what was fitted to one series: the smoothing parameters, and the states before its first step.
struct EtsModel {
  EtsForm form;
  double alpha = 0.0, beta = 0.0, gamma = 0.0, phi = 1.0;  ///< updates: level += alpha e, slope += beta e, …
  double level = 0.0, slope = 0.0;
  std::vector<double> seasonal = {};  ///< [season], of the phases 0, 1, …; empty without season
  double aicc = 0.0;
  double variance = 0.0;  ///< of the errors; of relative errors where the error is multiplicative

  /// Numbers that were fitted, the states and the variance included (the count of AICc).
  int64_t parameters() const;
};

/// Twice the negative log-likelihood of the history, without its constant; infinite where it has none. `end`
/// receives the states after the last step.
double ets_likelihood(const EtsModel& model, std::span<const double> history, EtsModel* end = nullptr);

/// The parameters of a form of greatest likelihood, by Nelder & Mead: smoothing parameters, level and slope
/// are fitted, the seasonal states begin as the classical decomposition's indices. Parameters stay within
/// their usual bounds (0 < beta < alpha < 1, 0 < gamma < 1 - alpha, 0.8 <= phi <= 0.98). Nothing for a
/// history that is too short for so many parameters, or has no likelihood (values that are not positive, with
/// multiplicative parts).
std::optional<EtsModel> fit_ets(std::span<const double> history, const EtsForm& form, int64_t season);

/// The form of least AICc among those that are numerically stable: all but multiplicative seasons with
/// additive errors. A season of more than kLongestEtsSeason steps, whose states would outnumber the data, is
/// taken away by the classical decomposition first.
inline constexpr int64_t kLongestEtsSeason = 24;

/// The forecast by the form of least AICc; that of the last value for a history too short for any. history:
/// at least one value, all finite. Intervals are exact for additive errors; for multiplicative ones their
/// width is that of kEtsPaths simulated futures, the same ones at every call.
NormalForecast forecast_ets(std::span<const double> history, int64_t horizon, int64_t season);
inline constexpr int64_t kEtsPaths = 1000;

/// The forecast of one fitted model. history: what it was fitted to.
NormalForecast forecast_ets(const EtsModel& model, std::span<const double> history, int64_t horizon);

}  // namespace arzoo::forecast
