#pragma once

#include "core/config.h"
#include "forecast/series_shape.h"

namespace arzoo::forecast {

/// A model's options may demand something of the data (`void check_shape(const SeriesShape&) const`, throwing
/// ConfigError by `require`), and may say that they forecast each variate by itself (`kChannelIndependent`).
template <class Options>
void check_shape(const Options& options, const SeriesShape& shape, const Config& model) {
  if constexpr (requires { options.check_shape(shape); }) {
    try {
      options.check_shape(shape);
    } catch (const ConfigError& error) {
      model.reject(error.what());
    }
  }
}

template <class Options>
constexpr bool is_channel_independent() {
  if constexpr (requires { Options::kChannelIndependent; }) return Options::kChannelIndependent;
  return false;
}

/// Whether a trained model forecasts any series (`kForecastsAnySeries`), so that sequences without a calendar
/// train it too.
template <class Options>
constexpr bool forecasts_any_series() {
  if constexpr (requires { Options::kForecastsAnySeries; }) return Options::kForecastsAnySeries;
  return false;
}

/// Whether a model uses covariates (`kTakesCovariates`): past ones as variates that it does not forecast,
/// ForecastBatch::known and ::statics as it sees fit.
template <class Options>
constexpr bool takes_covariates() {
  if constexpr (requires { Options::kTakesCovariates; }) return Options::kTakesCovariates;
  return false;
}

/// Whether a model with these options is trained by a loss of its own (`has_own_loss()`), which no other can
/// replace.
template <class Options>
constexpr bool has_own_loss(const Options& options) {
  if constexpr (requires { options.has_own_loss(); }) return options.has_own_loss();
  return false;
}

/// Whether a model is fine-tuned on series cut at random places (`kCutsAtRandom`, DataOptions::random_cuts).
template <class Options>
constexpr bool cuts_at_random() {
  if constexpr (requires { Options::kCutsAtRandom; }) return Options::kCutsAtRandom;
  return false;
}

}  // namespace arzoo::forecast
