#include <torch/torch.h>

#include "forecast/forecast_model.h"
#include "forecast/xreg.h"
#include "forecast/zero_shot_tables.h"

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

Explained explain(const DesignMatrix& design, std::span<const ZeroShotSeries> series, int64_t target,
                  double ridge, bool with_mean) {
  std::vector<at::Tensor> targets;
  for (const auto& one : series) targets.push_back(one.targets[target].to(at::kDouble));
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

/// A table's targets without what the regression explains.
io::SeriesTable unexplained(const io::SeriesTable& table, const std::vector<std::string>& targets,
                            const at::Tensor& residuals) {
  auto rest = table;
  rest.variates = targets;
  rest.filled.clear();
  const auto by_row = residuals.t().contiguous();  // [rows, targets]
  rest.values.assign(by_row.const_data_ptr<double>(), by_row.const_data_ptr<double>() + by_row.numel());
  return rest;
}

}  // namespace

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
  const auto design = design_matrix(series, statics_of(tables, xreg_roles_.statics), ridge_);
  std::vector<std::vector<at::Tensor>> residuals(tables.size()), shifts(tables.size());
  for (std::size_t v = 0; v < xreg_roles_.targets.size(); ++v) {
    // A model for any series reads residuals around 0, as the official code's; another one its own level.
    const auto explained = explain(design, series, static_cast<int64_t>(v), ridge_, /*with_mean=*/zero_shot_);
    for (std::size_t i = 0; i < tables.size(); ++i) {
      residuals[i].push_back(series[i].targets[static_cast<int64_t>(v)].to(at::kDouble) -
                             explained.history[i]);
      shifts[i].push_back(explained.horizon[i]);
    }
  }
  std::vector<io::SeriesTable> rest;
  for (std::size_t i = 0; i < tables.size(); ++i)
    rest.push_back(unexplained(tables[i], xreg_roles_.targets, at::stack(residuals[i])));
  auto forecasts = forecast_itself(rest, horizon, levels, {});
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const auto shift = at::stack(shifts[i], 1);  // [horizon, targets]
    forecasts[i].mean = forecasts[i].mean + shift;
    for (auto& interval : forecasts[i].intervals) {
      interval.low = interval.low + shift;
      interval.high = interval.high + shift;
    }
    for (auto& [level, values] : forecasts[i].quantiles) values = values + shift;
  }
  return forecasts;
}

}  // namespace arzoo::forecast
