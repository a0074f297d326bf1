#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "forecast/forecast_model.h"
#include "io/series_table.h"

/// The data that the models of a search for an ensemble are compared on.
namespace arzoo::forecast {

/// The known data, and the stretches at its end: the last ones are held out, the others choose.
struct SearchArena {
  std::vector<io::SeriesTable> tables;
  int64_t horizon = 1, season = 1;
  int64_t windows = 0;   ///< one behind the other; 0: the series are too short
  int64_t held_out = 0;  ///< of these, the last ones, which choose nothing
  at::Tensor truth;      ///< [series, windows, horizon] double, NaN where nothing was measured
  at::Tensor scale;  ///< [series, 1, 1]: seasonal naive error before the first window, 1 where there is none

  /// The tables as they were before window number `window`, 1 being the last.
  std::vector<io::SeriesTable> before(int64_t window) const;
  /// The windows that choose of a tensor [series, windows, ...], and those that are held out.
  at::Tensor choosing(const at::Tensor& of_windows) const {
    return of_windows.narrow(1, 0, windows - held_out);
  }
  at::Tensor held(const at::Tensor& of_windows) const {
    return of_windows.narrow(1, windows - held_out, held_out);
  }
  /// Mean scaled errors of forecasts [series, windows, horizon].
  double error_of(const at::Tensor& forecasts) const;
  double choosing_error(const at::Tensor& forecasts) const;
  /// Not a number where nothing is held out.
  double held_error(const at::Tensor& forecasts) const;
};

SearchArena search_arena(std::vector<io::SeriesTable> tables, int64_t horizon, int64_t season);

/// What a model makes of all windows, [series, windows, horizon].
at::Tensor window_forecasts(const SearchArena& arena, const ForecastModel& model);

}  // namespace arzoo::forecast
