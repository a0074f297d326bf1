#include "forecast/zero_shot_model.h"

#include <torch/torch.h>

#include <algorithm>

#include "core/error.h"
#include "io/csv.h"

namespace arzoo::forecast {
namespace {

void check_length(const ZeroShotSeries& series, const std::string& column, std::string_view part,
                  int64_t length, int64_t expected) {
  if (length == expected) return;
  fail<DataError>("series {}: the covariate {} has {} {} values, expected {}", io::shown(series.unique_id),
                  io::shown(column), length, part, expected);
}

void check_finite(const ZeroShotSeries& series, std::string_view what, const at::Tensor& values) {
  if (!values.defined() || !values.isinf().any().item<bool>()) return;
  fail<DataError>(
      "series {}: {} holds an infinite value, expected finite numbers (leave the cell empty if it "
      "is not known)",
      io::shown(series.unique_id), what);
}

void check_covariate(const ZeroShotSeries& series, const ZeroShotCovariate& covariate, int64_t horizon) {
  const auto past =
      covariate.is_categorical() ? static_cast<int64_t>(covariate.past_codes.size()) : covariate.past.numel();
  check_length(series, covariate.name, "past", past, series.targets.size(1));
  if (covariate.known_ahead) {
    const auto future = covariate.is_categorical() ? static_cast<int64_t>(covariate.future_codes.size())
                                                   : covariate.future.numel();
    check_length(series, covariate.name, "future", future, horizon);
  }
  const auto what = "the covariate " + io::shown(covariate.name);
  check_finite(series, what, covariate.past);
  check_finite(series, what, covariate.future);
}

}  // namespace

void check_series(std::span<const ZeroShotSeries> series, const ZeroShotRequest& request) {
  for (const auto& one : series) {
    if (one.targets.numel() == 0)
      fail<DataError>("series {}: no value, expected at least one", io::shown(one.unique_id));
    check_finite(one, "the history", one.targets);
    for (const auto& covariate : one.covariates) check_covariate(one, covariate, request.horizon);
  }
}

void check_abilities(const ZeroShotAbilities& abilities, std::string_view model,
                     std::span<const ZeroShotSeries> series, const ZeroShotRequest& request) {
  if (!request.levels.empty() && !abilities.quantiles)
    fail<UsageError>("{}: forecasts a point, not quantiles (leave out --level and --quantiles)", model);
  if (abilities.covariates) return;
  for (const auto& one : series) {
    if (one.covariates.empty()) continue;
    fail<UsageError>(
        "{}: takes no covariates, and series {} has {} (leave them out, or explain the targets by them with "
        "--xreg)",
        model, io::shown(one.unique_id), io::shown(one.covariates.front().name));
  }
}

void check_levels(const std::vector<double>& levels, std::string_view model, const ZeroShotRequest& request) {
  constexpr double kSlack = 1e-9;
  for (const double level : request.levels) {
    if (level >= levels.front() - kSlack && level <= levels.back() + kSlack) continue;
    fail<UsageError>(
        "{}: forecasts quantiles from {:g} to {:g}, {:g} lies outside (an interval of {:g} % at most)", model,
        levels.front(), levels.back(), level,
        100.0 * (1.0 - 2.0 * std::max(levels.front(), 1.0 - levels.back())));
  }
}

}  // namespace arzoo::forecast
