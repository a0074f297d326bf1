#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"

/// What all models have in common that forecast series which they never saw. Shapes: `V` targets, `T` steps
/// of history, `H` steps ahead, `Q` quantile levels.
namespace arzoo::forecast {

/// A column beside the targets: numbers, or categories.
struct ZeroShotCovariate {
  static constexpr int32_t kMissing = -1, kUnknown = -2;

  std::string name;
  bool known_ahead = false;  ///< known for the steps to forecast as well, else in the past only
  at::Tensor past;           ///< [T] float on the CPU, NaN where missing
  at::Tensor future;         ///< [H] float, NaN where unknown; undefined where it is not known ahead
  /// Of categories: `past` and `future` are undefined, and these hold numbers of `categories`, kMissing for
  /// an empty cell, kUnknown for a text that is none of them.
  std::vector<std::string> categories;
  std::vector<int32_t> past_codes, future_codes;

  bool is_categorical() const { return !past.defined(); }
};

/// One series to forecast: targets that belong together, and what is known beside them.
struct ZeroShotSeries {
  std::string unique_id;
  at::Tensor targets;  ///< [V, T] float or double on the CPU, NaN where missing
  std::vector<ZeroShotCovariate> covariates;
  int64_t season = 1;  ///< steps of the usual season: a day of hours, a week of days
};

/// What is asked of the model for all series of a call.
struct ZeroShotRequest {
  int64_t horizon = 1;
  std::vector<double> levels;  ///< of the quantiles, each in (0, 1), ascending
  at::Device device = at::kCPU;
  bool backcast = false;  ///< what the model makes of the history as well, where it is able to
};

/// In the units of the input.
struct ZeroShotForecast {
  at::Tensor point;      ///< [V, H] float on the CPU: the median where the model has quantiles
  at::Tensor quantiles;  ///< [V, Q, H] float, one for each level asked for
  at::Tensor scale;  ///< [V] double, what histories were divided by; undefined where the model does not say
  /// [V, B] float: the model's value of the last B steps of history, each made without that step; undefined
  /// unless it was asked for.
  at::Tensor backcast = {};
};

/// What a model can do.
struct ZeroShotAbilities {
  bool quantiles = false;      ///< else levels cannot be asked for
  bool covariates = false;     ///< else series may have none
  bool joint_targets = false;  ///< several targets inform each other; else each is forecast by itself
  bool gaps = false;           ///< histories may have missing values; else they must be filled
  bool backcast = false;       ///< says what it makes of the history
  bool one_by_one = false;     ///< a call computes its series one after the other: many at once gain nothing
};

/// A pre-trained model for series that it never saw: history in, quantiles out.
class ZeroShotModel {
 public:
  virtual ~ZeroShotModel() = default;

  virtual ZeroShotAbilities abilities() const = 0;
  /// Takes the options of its forecasts (`arzoo forecast --set`): an object of their names. Throws
  /// ConfigError for what it does not know.
  virtual void configure(const Config& options) = 0;
  /// What forecasts with drafts came to since then: {"passes", "steps_per_pass", "accepted"}; null without.
  virtual Json decoding() const { return nullptr; }
  /// Steps of a series' end that a forecast of `horizon` steps looks at, at most.
  virtual int64_t most_context(int64_t horizon) const = 0;
  /// The forecasts of all series, in their order. No autograd. Throws DataError, naming the series, for one
  /// that the model cannot forecast, UsageError for what it is not able to do.
  virtual std::vector<ZeroShotForecast> forecast_series(std::span<const ZeroShotSeries> series,
                                                        const ZeroShotRequest& request) = 0;
};

/// Throws DataError naming series and column for a series without a value, an infinite one, or a covariate
/// whose length is not that of the history (or of the horizon).
void check_series(std::span<const ZeroShotSeries> series, const ZeroShotRequest& request);

/// Throws UsageError for what `model` (its name) is not able to do.
void check_abilities(const ZeroShotAbilities& abilities, std::string_view model,
                     std::span<const ZeroShotSeries> series, const ZeroShotRequest& request);

/// Throws UsageError for a level outside of those that the model (its name) forecasts.
void check_levels(const std::vector<double>& levels, std::string_view model, const ZeroShotRequest& request);

}  // namespace arzoo::forecast
