#include "forecast/baselines/baseline_models.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "core/config_fields.h"
#include "core/error.h"
#include "forecast/baselines/baselines.h"
#include "forecast/baselines/exponential_smoothing.h"
#include "forecast/baselines/theta_method.h"
#include "forecast/scores/normal_forecast.h"
#include "kernels/parallel.h"

namespace arzoo::forecast {
namespace {

/// Rows of a series' end that a fit looks at: more change nothing that is worth their time.
constexpr int64_t kLongestHistory = 4096;

/// The values of one target, from its first measured one, gaps interpolated on a line.
std::vector<double> without_gaps(const at::Tensor& target) {
  const auto row = target.to(at::kDouble).contiguous();
  const auto steps = row.size(0);
  const double* values = row.const_data_ptr<double>();
  std::vector<double> filled;
  int64_t last = -1;
  for (int64_t t = std::max<int64_t>(0, steps - kLongestHistory); t < steps; ++t) {
    if (std::isnan(values[t])) continue;
    for (int64_t gap = last + 1; last >= 0 && gap < t; ++gap) {
      const double share = static_cast<double>(gap - last) / static_cast<double>(t - last);
      filled.push_back(values[last] + share * (values[t] - values[last]));
    }
    filled.push_back(values[t]);
    last = t;
  }
  for (int64_t gap = last + 1; last >= 0 && gap < steps; ++gap) filled.push_back(values[last]);
  return filled;
}

/// Standard deviation of differences, their mean taken as known.
double root_mean_square(const std::vector<double>& differences) {
  double sum = 0.0;
  for (const double difference : differences) sum += difference * difference;
  return differences.empty() ? 0.0 : std::sqrt(sum / static_cast<double>(differences.size()));
}

/// The last season over and over; a shorter history repeats its last value. The variance grows with each
/// whole season (Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 5.5).
NormalForecast forecast_seasonal_naive(std::span<const double> history, int64_t horizon, int64_t season) {
  const auto period =
      history.size() < static_cast<std::size_t>(season) ? std::size_t{1} : static_cast<std::size_t>(season);
  std::vector<double> errors;
  for (std::size_t t = period; t < history.size(); ++t) errors.push_back(history[t] - history[t - period]);
  const double spread = root_mean_square(errors);
  NormalForecast result;
  for (std::size_t step = 0; step < static_cast<std::size_t>(horizon); ++step) {
    result.mean.push_back(history[history.size() - period + step % period]);
    result.stddev.push_back(spread * std::sqrt(static_cast<double>(step / period + 1)));
  }
  return result;
}

/// The line through the first and the last value (same source).
NormalForecast forecast_drift(std::span<const double> history, int64_t horizon, int64_t) {
  const auto changes = static_cast<double>(history.size() - 1);
  const double slope = changes > 0.0 ? (history.back() - history.front()) / changes : 0.0;
  std::vector<double> errors;
  for (std::size_t t = 1; t < history.size(); ++t) errors.push_back(history[t] - history[t - 1] - slope);
  const double spread = root_mean_square(errors);
  NormalForecast result;
  for (int64_t step = 1; step <= horizon; ++step) {
    const auto ahead = static_cast<double>(step);
    result.mean.push_back(history.back() + slope * ahead);
    result.stddev.push_back(changes > 0.0 ? spread * std::sqrt(ahead * (1.0 + ahead / changes)) : 0.0);
  }
  return result;
}

/// Mean and standard deviation of each target into quantiles of the normal distribution.
ZeroShotForecast in_quantiles(const std::vector<NormalForecast>& targets, const std::vector<double>& levels) {
  const auto count = static_cast<int64_t>(targets.size());
  const auto horizon = static_cast<int64_t>(targets.front().mean.size());
  auto mean = at::empty({count, horizon}, at::kDouble), stddev = at::empty_like(mean);
  for (int64_t v = 0; v < count; ++v) {
    const auto& target = targets[static_cast<std::size_t>(v)];
    std::copy(target.mean.begin(), target.mean.end(), mean.data_ptr<double>() + v * horizon);
    std::copy(target.stddev.begin(), target.stddev.end(), stddev.data_ptr<double>() + v * horizon);
  }
  const auto points = at::special_ndtri(at::tensor(levels, at::kDouble)).view({1, -1, 1});
  return {mean.to(at::kFloat), (mean.unsqueeze(1) + points * stddev.unsqueeze(1)).to(at::kFloat), {}};
}

/// What the baselines have in common.
class Baseline : public ZeroShotModel {
 public:
  void configure(const Config& options) final { options.as<NoOptions>(); }
  int64_t most_context(int64_t) const final { return kLongestHistory; }

 private:
  struct NoOptions {
    static void fields(auto&, auto&) {}
  };
};

/// A method that sees one series at a time.
class SingleSeriesBaseline final : public Baseline {
 public:
  using Method = NormalForecast (*)(std::span<const double> history, int64_t horizon, int64_t season);
  explicit SingleSeriesBaseline(Method method) : method_(method) {}

  ZeroShotAbilities abilities() const override {
    return {.quantiles = true, .gaps = true, .one_by_one = true};
  }

  std::vector<ZeroShotForecast> forecast_series(std::span<const ZeroShotSeries> series,
                                                const ZeroShotRequest& request) override {
    check_series(series, request);
    std::vector<ZeroShotForecast> results(series.size());
    kernels::parallel_for(static_cast<int64_t>(series.size()), 1, [&](int64_t begin, int64_t end) {
      const at::InferenceMode guard;
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
        std::vector<NormalForecast> targets;
        for (int64_t v = 0; v < series[i].targets.size(0); ++v) {
          targets.push_back(method_(without_gaps(series[i].targets[v]), request.horizon, series[i].season));
        }
        results[i] = in_quantiles(targets, request.levels);
      }
    });
    return results;
  }

 private:
  Method method_;
};

/// One linear map from the last steps to all steps ahead, fitted to all series of a call together, each less
/// its last value and over its mean absolute change.
class LinearMapBaseline final : public Baseline {
 public:
  ZeroShotAbilities abilities() const override { return {.quantiles = true, .gaps = true}; }
  std::vector<ZeroShotForecast> forecast_series(std::span<const ZeroShotSeries> series,
                                                const ZeroShotRequest& request) override {
    check_series(series, request);
    const at::InferenceMode guard;
    std::vector<std::vector<Row>> rows;
    std::size_t longest = 0;
    int64_t season = 1;
    for (const auto& one : series) {
      rows.emplace_back();
      for (int64_t v = 0; v < one.targets.size(0); ++v) rows.back().push_back(scaled(one.targets[v]));
      for (const auto& row : rows.back()) longest = std::max(longest, row.values.size());
      season = std::max(season, one.season);
    }
    const auto context = context_of(static_cast<int64_t>(longest), request.horizon, season);
    if (context < 1) {
      fail<DataError>("linear: the longest series has {} rows, a horizon of {} needs {} or more", longest,
                      request.horizon, request.horizon + 1);
    }
    LinearBaseline map(context, request.horizon);
    for (const auto& one : rows) {
      for (const auto& row : one) add_windows(map, row, context, request.horizon);
    }
    map.solve();
    const auto spread = spread_of(map, rows, context, request.horizon);
    std::vector<ZeroShotForecast> results;
    for (const auto& one : rows) {
      std::vector<NormalForecast> targets;
      for (const auto& row : one) targets.push_back(forecast(map, row, context, spread));
      results.push_back(in_quantiles(targets, request.levels));
    }
    return results;
  }

 private:
  struct Row {
    std::vector<double> values;
    double scale;
  };

  /// Two seasons, as long as the horizon or longer; less where no series has a window of that.
  static int64_t context_of(int64_t longest, int64_t horizon, int64_t season) {
    const int64_t wanted = std::min<int64_t>(512, std::max<int64_t>({2 * season, horizon, 16}));
    return std::min(wanted, (longest - horizon + 1) / 2);
  }

  static Row scaled(const at::Tensor& target) {
    Row row{without_gaps(target), 0.0};
    for (std::size_t t = 1; t < row.values.size(); ++t)
      row.scale += std::abs(row.values[t] - row.values[t - 1]);
    row.scale /= std::max<double>(1.0, static_cast<double>(row.values.size()) - 1.0);
    if (!(row.scale > 0.0)) row.scale = 1.0;
    for (auto& value : row.values) value /= row.scale;
    return row;
  }

  /// All windows of a row, [windows, context + horizon]; none where it is too short.
  static at::Tensor windows_of(const Row& row, int64_t context, int64_t horizon) {
    const auto values = at::tensor(row.values, at::kDouble);
    if (values.size(0) < context + horizon) return at::empty({0, context + horizon}, at::kDouble);
    return values.unfold(0, context + horizon, 1);
  }

  static void add_windows(LinearBaseline& map, const Row& row, int64_t context, int64_t horizon) {
    const auto windows = windows_of(row, context, horizon);
    if (windows.size(0) > 0) map.add(windows.narrow(1, 0, context), windows.narrow(1, context, horizon));
  }

  /// Root mean squared error of each step over the windows that it was fitted to, [horizon].
  static at::Tensor spread_of(const LinearBaseline& map, const std::vector<std::vector<Row>>& rows,
                              int64_t context, int64_t horizon) {
    auto squares = at::zeros({horizon}, at::kDouble);
    for (const auto& one : rows) {
      for (const auto& row : one) {
        const auto windows = windows_of(row, context, horizon);
        if (windows.size(0) == 0) continue;
        const auto errors = map.forecast(windows.narrow(1, 0, context)) - windows.narrow(1, context, horizon);
        squares += errors.square().sum(0);
      }
    }
    return (squares / static_cast<double>(map.windows())).sqrt();
  }

  static NormalForecast forecast(const LinearBaseline& map, const Row& row, int64_t context,
                                 const at::Tensor& spread) {
    auto history =
        at::full({1, context}, row.values.front(), at::kDouble);  // a short row: its first value before it
    const auto known = std::min<int64_t>(context, static_cast<int64_t>(row.values.size()));
    std::copy(row.values.end() - known, row.values.end(), history.data_ptr<double>() + context - known);
    const auto ahead = (map.forecast(history) * row.scale).contiguous(), stddev = spread * row.scale;
    NormalForecast result;
    result.mean.assign(ahead.const_data_ptr<double>(), ahead.const_data_ptr<double>() + ahead.numel());
    result.stddev.assign(stddev.const_data_ptr<double>(), stddev.const_data_ptr<double>() + stddev.numel());
    return result;
  }
};

}  // namespace

std::unique_ptr<ZeroShotModel> make_baseline(std::string_view name) {
  if (name == "seasonal_naive") return std::make_unique<SingleSeriesBaseline>(&forecast_seasonal_naive);
  if (name == "drift") return std::make_unique<SingleSeriesBaseline>(&forecast_drift);
  if (name == "theta") return std::make_unique<SingleSeriesBaseline>(&forecast_theta);
  if (name == "ets") {
    return std::make_unique<SingleSeriesBaseline>(
        [](std::span<const double> history, int64_t horizon, int64_t season) {
          return forecast_ets(history, horizon, season);
        });
  }
  if (name == "linear") return std::make_unique<LinearMapBaseline>();
  return nullptr;
}

}  // namespace arzoo::forecast
