#pragma once

#include <map>
#include <string>
#include <vector>

#include "forecast/forecast_model.h"

namespace arzoo::forecast {

/// Adaptive conformal inference (Gibbs and Candès, NeurIPS 2021, Eq. 2): when a series' intervals miss more
/// often than their level allows, the next ones are made of a higher level, and the other way round. Each
/// series has levels of its own, updated after each window by the share of its cells that were covered: level
/// ← level + kRate (nominal - 100 covered).
class AdaptiveLevels {
 public:
  static constexpr double kRate = 0.1;

  /// nominal: the levels asked for, in percent.
  explicit AdaptiveLevels(std::vector<double> nominal) : nominal_(std::move(nominal)) {}

  const std::vector<double>& nominal() const { return nominal_; }
  /// What to ask for instead of nominal level number `which` for this series: from 0 to 100.
  double level(const std::string& series, std::size_t which) const;
  /// covered: share of the measured cells inside the interval.
  void update(const std::string& series, std::size_t which, double covered);

 private:
  std::vector<double> nominal_;
  std::map<std::string, std::vector<double>> levels_;  ///< before they are limited to 0 … 100
};

/// The interval of `level` among those of a model, linear in the level between two of them; at 0 it is the
/// forecast itself, above the highest of them the highest. grid: not empty, ascending; mean: of the same
/// shape. Its own level is `nominal`.
ForecastInterval interval_between(const std::vector<ForecastInterval>& grid, const at::Tensor& mean,
                                  double nominal, double level);

/// The intervals of a backtest, adapted from window to window.
class AdaptiveIntervals {
 public:
  AdaptiveIntervals(std::vector<double> nominal, const ForecastModel& model);

  /// Levels to ask the model for, in percent: what adapted intervals are made of.
  const std::vector<double>& asked() const { return asked_; }
  /// Puts the adapted intervals of the nominal levels in place of those asked for. ids: of the variates.
  void adapt(SeriesForecast& forecast, const std::vector<std::string>& ids) const;
  /// Learns from an adapted forecast once its truth is known: [horizon, variates], NaN where not measured.
  void learn(const SeriesForecast& forecast, const at::Tensor& truth, const std::vector<std::string>& ids);

 private:
  AdaptiveLevels levels_;
  std::vector<double> asked_;
};

}  // namespace arzoo::forecast
