#include <torch/torch.h>

#include <algorithm>

#include "forecast/forecast_model.h"
#include "forecast/xreg.h"
#include "forecast/zero_shot_tables.h"
#include "io/csv.h"
#include "io/series_fill.h"

namespace arzoo::forecast {
namespace {

/// The static covariates of all tables.
std::vector<StaticCovariate> statics_of(std::span<const io::SeriesTable> tables,
                                        const std::vector<std::string>& names) {
  std::vector<StaticCovariate> all;
  for (const auto& name : names) {
    StaticCovariate covariate{name, {}, {}};
    for (const auto& table : tables) {
      const auto value = covariate_of_table(table, name);
      if (value.is_categorical()) {
        const auto code = value.past_codes.front();
        covariate.categories.push_back(code < 0 ? std::string()
                                                : value.categories[static_cast<std::size_t>(code)]);
      } else {
        covariate.numbers.push_back(value.past[0].item<double>());
      }
    }
    all.push_back(std::move(covariate));
  }
  return all;
}

/// What the regression says of one target of all tables, in its units: [rows] and [horizon] double each.
struct Explained {
  std::vector<at::Tensor> history, horizon;
};

/// targets: [rows] double of each table.
Explained explain(const DesignMatrix& design, std::span<const at::Tensor> targets, double ridge,
                  bool with_mean) {
  const auto scale = TargetScale::of(targets, /*wanted=*/true);
  std::vector<at::Tensor> scaled;
  for (std::size_t i = 0; i < targets.size(); ++i) scaled.push_back(scale.apply(i, targets[i]));
  const auto fit = fit_xreg(design, scaled, ridge);
  Explained result;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const double mean = with_mean ? scale.mean[i] : 0.0;
    result.history.push_back(fit.history[i] * scale.deviation[i] + mean);
    result.horizon.push_back(fit.horizon[i] * scale.deviation[i] + mean);
  }
  return result;
}

/// A table with these values in place of its variates. values: [targets, rows] double.
io::SeriesTable with_values(const io::SeriesTable& table, const std::vector<std::string>& targets,
                            const at::Tensor& values) {
  auto other = table;
  other.variates = targets;
  other.filled.clear();
  const auto by_row = values.t().contiguous();  // [rows, targets]
  other.values.assign(by_row.const_data_ptr<double>(), by_row.const_data_ptr<double>() + by_row.numel());
  return other;
}

/// shift: [horizon, targets].
void add_shift(SeriesForecast& forecast, const at::Tensor& shift) {
  forecast.mean = forecast.mean + shift;
  for (auto& interval : forecast.intervals) {
    interval.low = interval.low + shift;
    interval.high = interval.high + shift;
  }
  for (auto& [level, values] : forecast.quantiles) values = values + shift;
}

}  // namespace

/// What the model makes of the last rows of a table, [rows, targets] double: stretches of `horizon` steps,
/// each forecast from the rows before it.
at::Tensor ForecastModel::known_rows_forecast(const io::SeriesTable& table, int64_t horizon) const {
  constexpr int64_t kMostStretches = 100;
  const auto rows = static_cast<int64_t>(table.rows());
  const int64_t context = std::max(least_context(), horizon);
  const int64_t stretches = std::min((rows - context) / horizon, kMostStretches);
  if (stretches < 1)
    fail<DataError>(
        "{}: series {} has {} rows, a regression of what the model leaves of {} steps needs {} (use "
        "--xreg-mode xreg+model, or fewer steps)",
        table.source, io::shown(table.unique_id), rows, horizon, context + horizon);
  std::vector<io::SeriesTable> before;
  for (int64_t left = stretches; left > 0; --left)
    before.push_back(io::first_rows(table, static_cast<std::size_t>(rows - left * horizon)));
  std::vector<at::Tensor> values;
  for (const auto& forecast : forecast_itself(before, horizon, {}, {})) values.push_back(forecast.mean);
  return at::cat(values);
}

std::vector<SeriesForecast> ForecastModel::forecast_before_regression(
    std::span<const io::SeriesTable> tables, int64_t horizon, const ForecastLevels& levels,
    std::span<const ZeroShotSeries> series) const {
  std::vector<io::SeriesTable> alone;
  for (std::size_t i = 0; i < tables.size(); ++i)
    alone.push_back(with_values(tables[i], xreg_roles_.targets, series[i].targets.to(at::kDouble)));
  auto asked = levels;
  asked.backcast = true;
  auto forecasts = forecast_itself(alone, horizon, asked, {});
  std::vector<ZeroShotSeries> ends;
  std::vector<at::Tensor> left;  // [targets, B] double of each table
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const auto known = forecasts[i].backcast.defined() && forecasts[i].backcast.size(0) > 0
                           ? forecasts[i].backcast
                           : known_rows_forecast(alone[i], horizon);
    ends.push_back(without_start(series[i], series[i].targets.size(1) - known.size(0)));
    left.push_back(ends[i].targets.to(at::kDouble) - known.t());
  }
  // The design matrix of the explained rows alone: its columns are standardised over these.
  const auto design = design_matrix(ends, statics_of(tables, xreg_roles_.statics), ridge_);
  std::vector<std::vector<at::Tensor>> shifts(tables.size());
  for (std::size_t v = 0; v < xreg_roles_.targets.size(); ++v) {
    std::vector<at::Tensor> residuals;
    for (const auto& rows : left) residuals.push_back(rows[static_cast<int64_t>(v)]);
    const auto explained = explain(design, residuals, ridge_, /*with_mean=*/true);
    for (std::size_t i = 0; i < tables.size(); ++i) shifts[i].push_back(explained.horizon[i]);
  }
  for (std::size_t i = 0; i < tables.size(); ++i) add_shift(forecasts[i], at::stack(shifts[i], 1));
  return forecasts;
}

std::vector<SeriesForecast> ForecastModel::forecast_around(std::span<const io::SeriesTable> tables,
                                                           int64_t horizon, const ForecastLevels& levels,
                                                           std::span<const KnownAhead> ahead) const {
  auto dynamic = xreg_roles_;
  dynamic.statics.clear();
  std::vector<ZeroShotSeries> series;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const ZeroShotReading reading{dynamic, static_cast<int64_t>(tables[i].rows()), /*gaps=*/false};
    series.push_back(zero_shot_series(tables[i], ahead.empty() ? nullptr : &ahead[i], reading).front());
  }
  if (xreg_mode_ == XRegMode::model_first) return forecast_before_regression(tables, horizon, levels, series);
  const auto design = design_matrix(series, statics_of(tables, xreg_roles_.statics), ridge_);
  std::vector<std::vector<at::Tensor>> residuals(tables.size()), shifts(tables.size());
  for (std::size_t v = 0; v < xreg_roles_.targets.size(); ++v) {
    std::vector<at::Tensor> targets;
    for (const auto& one : series) targets.push_back(one.targets[static_cast<int64_t>(v)].to(at::kDouble));
    // A model for any series reads residuals around 0, as the official code's; another one its own level.
    const auto explained = explain(design, targets, ridge_, /*with_mean=*/zero_shot_);
    for (std::size_t i = 0; i < tables.size(); ++i) {
      residuals[i].push_back(targets[i] - explained.history[i]);
      shifts[i].push_back(explained.horizon[i]);
    }
  }
  std::vector<io::SeriesTable> rest;
  for (std::size_t i = 0; i < tables.size(); ++i)
    rest.push_back(with_values(tables[i], xreg_roles_.targets, at::stack(residuals[i])));
  auto forecasts = forecast_itself(rest, horizon, levels, {});
  for (std::size_t i = 0; i < tables.size(); ++i) add_shift(forecasts[i], at::stack(shifts[i], 1));
  return forecasts;
}

}  // namespace arzoo::forecast
