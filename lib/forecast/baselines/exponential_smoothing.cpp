#include "forecast/baselines/exponential_smoothing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/seeded_random.h"
#include "forecast/baselines/seasonal_adjustment.h"
#include "runtime/nelder_mead.h"

namespace arzoo::forecast {
namespace {

using Trend = EtsForm::Trend;
using Season = EtsForm::Season;

constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr double kLeastSmoothing = 1e-4, kMostSmoothing = 1.0 - 1e-4;
constexpr uint64_t kErrorSeed = 20240601;  // of simulated futures
constexpr double kLeastDamping = 0.8, kMostDamping = 0.98;

/// One step's states turned into what is expected of the next value.
struct EtsExpectation {
  double trended;  ///< level + phi * slope
  double seasonal;
  double mean;
};

EtsExpectation expectation(const EtsModel& model, std::size_t phase) {
  const double trended = model.level + (model.form.trend == Trend::none ? 0.0 : model.phi * model.slope);
  switch (model.form.season) {
    case Season::none:
      return {trended, 0.0, trended};
    case Season::additive:
      return {trended, model.seasonal[phase], trended + model.seasonal[phase]};
    case Season::multiplicative:
      break;
  }
  return {trended, model.seasonal[phase], trended * model.seasonal[phase]};
}

/// The states after a value that missed its expectation by `residual`. In these units the update is the same
/// for additive and for multiplicative errors.
void update(EtsModel& model, const EtsExpectation& expected, double residual, std::size_t phase) {
  const bool scaled = model.form.season == Season::multiplicative;
  const double of_level = scaled ? residual / expected.seasonal : residual;
  model.level = expected.trended + model.alpha * of_level;
  if (model.form.trend != Trend::none) model.slope = model.phi * model.slope + model.beta * of_level;
  if (model.form.season != Season::none) {
    model.seasonal[phase] += model.gamma * (scaled ? residual / expected.trended : residual);
  }
}

std::size_t period_of(const EtsModel& model) { return std::max<std::size_t>(model.seasonal.size(), 1); }

/// The smoothing parameters of a form, each free in (0, 1), as Nelder & Mead's variables: their logits.
double unit(double logit) { return 1.0 / (1.0 + std::exp(-logit)); }
double logit(double share) { return std::log(share / (1.0 - share)); }
double at_share(double low, double high, double share) { return low + (high - low) * share; }

/// What the variables are multiplied by, so that a step of 1 is a natural one: the residuals' size.
struct EtsStart {
  EtsModel model;
  double scale;
};

EtsModel model_at(const EtsStart& start, const std::vector<double>& at) {
  EtsModel model = start.model;
  std::size_t next = 0;
  model.alpha = at_share(kLeastSmoothing, kMostSmoothing, unit(at[next++]));
  if (model.form.trend != Trend::none) {
    model.beta = at_share(kLeastSmoothing * model.alpha, model.alpha, unit(at[next++]));
  }
  if (model.form.season != Season::none) {
    model.gamma = at_share(kLeastSmoothing * (1.0 - model.alpha), 1.0 - model.alpha, unit(at[next++]));
  }
  if (model.form.trend == Trend::damped) model.phi = at_share(kLeastDamping, kMostDamping, unit(at[next++]));
  model.level += start.scale * at[next++];
  if (model.form.trend != Trend::none) model.slope += 0.1 * start.scale * at[next++];
  return model;
}

std::vector<double> variables_of(const EtsForm& form) {
  std::vector<double> at{logit(0.3)};
  if (form.trend != Trend::none) at.push_back(logit(0.1));
  if (form.season != Season::none) at.push_back(logit(0.05));
  if (form.trend == Trend::damped) at.push_back(logit(0.9));
  at.push_back(0.0);
  if (form.trend != Trend::none) at.push_back(0.0);
  return at;
}

/// Level and slope of the line through the first values, without their seasons.
void begin_line(EtsModel& model, std::span<const double> values, std::size_t season) {
  const auto steps = std::min(values.size(), std::max<std::size_t>(10, 2 * season));
  double mean = 0.0, products = 0.0, squares = 0.0;
  const double centre = 0.5 * static_cast<double>(steps + 1);
  for (std::size_t t = 0; t < steps; ++t) {
    const double place = static_cast<double>(t + 1) - centre;
    mean += values[t] / static_cast<double>(steps);
    products += place * values[t];
    squares += place * place;
  }
  const double slope = squares > 0.0 ? products / squares : 0.0;
  model.level = model.form.trend == Trend::none ? mean : mean - slope * centre;
  model.slope = model.form.trend == Trend::none ? 0.0 : slope;
}

std::optional<EtsStart> start_of(std::span<const double> history, const EtsForm& form, int64_t season) {
  EtsStart start{{}, 1.0};
  start.model.form = form;
  std::vector<double> values(history.begin(), history.end());
  if (form.season != Season::none) {
    if (static_cast<int64_t>(history.size()) < 2 * season) return std::nullopt;
    auto parts = classical_decomposition(history, season, form.season == Season::multiplicative);
    start.model.seasonal = std::move(parts.indices);
    values = std::move(parts.adjusted);
  }
  begin_line(start.model, values, period_of(start.model));
  double changes = 0.0;
  for (std::size_t t = 1; t < values.size(); ++t) changes += std::abs(values[t] - values[t - 1]);
  start.scale = values.size() > 1 ? changes / static_cast<double>(values.size() - 1) : 0.0;
  if (!(start.scale > 0.0)) start.scale = std::max(1e-8, 1e-3 * std::abs(start.model.level));
  return start;
}

/// The variance of the h-th value ahead over that of the errors, for additive errors: 1 + sum c_j^2
/// (Hyndman et al. 2008, table 6.1).
std::vector<double> variance_growth(const EtsModel& model, std::size_t horizon) {
  std::vector<double> growth(horizon, 1.0);
  double sum = 0.0, damping = 0.0, power = 1.0;
  for (std::size_t j = 1; j < horizon; ++j) {
    power *= model.phi;
    damping += power;
    double c = model.alpha;
    if (model.form.trend != Trend::none) c += model.beta * damping;
    if (model.form.season != Season::none && j % period_of(model) == 0) c += model.gamma;
    sum += c * c;
    growth[j] += sum;
  }
  return growth;
}

/// Standard deviations of simulated futures: multiplicative errors have no closed form for all forms. The
/// errors are the same for every series.
std::vector<double> simulated_stddev(const EtsModel& end, std::size_t phase, std::size_t horizon) {
  const double spread = std::sqrt(end.variance);
  std::vector<double> sums(horizon, 0.0), squares(horizon, 0.0);
  for (int64_t path = 0; path < kEtsPaths; ++path) {
    EtsModel states = end;
    const auto stream = item_seed(kErrorSeed, static_cast<uint64_t>(path));
    for (std::size_t step = 0; step < horizon; ++step) {
      const auto at = (phase + step) % period_of(states);
      const auto expected = expectation(states, at);
      const NormalPair pair(uniform_of(stream, step / 2 * 2), uniform_of(stream, step / 2 * 2 + 1));
      const double residual = expected.mean * spread * (step % 2 == 0 ? pair.first() : pair.second());
      update(states, expected, residual, at);
      sums[step] += expected.mean + residual;
      squares[step] += (expected.mean + residual) * (expected.mean + residual);
    }
  }
  for (std::size_t step = 0; step < horizon; ++step) {
    const double mean = sums[step] / kEtsPaths;
    squares[step] = std::sqrt(std::max(0.0, squares[step] / kEtsPaths - mean * mean));
  }
  return squares;
}

std::vector<EtsForm> stable_forms(bool seasonal, bool positive) {
  std::vector<EtsForm> forms;
  for (const bool multiplicative_error : {false, true}) {
    if (multiplicative_error && !positive) continue;
    for (const auto trend : {Trend::none, Trend::additive, Trend::damped}) {
      forms.push_back({multiplicative_error, trend, Season::none});
      if (!seasonal) continue;
      forms.push_back({multiplicative_error, trend, Season::additive});
      if (multiplicative_error) forms.push_back({true, trend, Season::multiplicative});
    }
  }
  return forms;
}

NormalForecast constant_forecast(double value, int64_t horizon) {
  const auto steps = static_cast<std::size_t>(horizon);
  return {std::vector<double>(steps, value), std::vector<double>(steps, 0.0)};
}

bool all_positive(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return value > 0.0; });
}

}  // namespace

std::string EtsForm::name() const {
  constexpr const char* kTrends[] = {"N", "A", "Ad"};
  constexpr const char* kSeasons[] = {"N", "A", "M"};
  return fmt::format("ETS({},{},{})", multiplicative_error ? "M" : "A", kTrends[static_cast<int>(trend)],
                     kSeasons[static_cast<int>(season)]);
}

int64_t EtsModel::parameters() const {
  int64_t count = 3;  // alpha, level, variance
  if (form.trend != Trend::none) count += 2;
  if (form.trend == Trend::damped) count += 1;
  if (form.season != Season::none) count += 1 + static_cast<int64_t>(seasonal.size()) - 1;
  return count;
}

double ets_likelihood(const EtsModel& model, std::span<const double> history, EtsModel* end) {
  EtsModel states = model;
  const auto period = period_of(model);
  double squares = 0.0, scales = 0.0;
  std::size_t phase = 0;
  for (const double value : history) {
    const auto expected = expectation(states, phase);
    const double residual = value - expected.mean;
    if (states.form.multiplicative_error) {
      if (!(expected.mean > 0.0)) return kInfinite;
      squares += (residual / expected.mean) * (residual / expected.mean);
      scales += std::log(expected.mean);
    } else {
      squares += residual * residual;
    }
    update(states, expected, residual, phase);
    if (++phase == period) phase = 0;
  }
  const auto steps = static_cast<double>(history.size());
  if (end != nullptr) {
    *end = std::move(states);
    end->variance = squares / std::max(1.0, steps - static_cast<double>(model.parameters() - 1));
  }
  // A history that the model repeats exactly would have an infinite likelihood.
  const double least = std::numeric_limits<double>::min();
  return steps * std::log(std::max(squares, least)) + 2.0 * scales;
}

std::optional<EtsModel> fit_ets(std::span<const double> history, const EtsForm& form, int64_t season) {
  const bool needs_positive = form.multiplicative_error || form.season == Season::multiplicative;
  if (history.size() < 3 || (needs_positive && !all_positive(history))) return std::nullopt;
  const auto start = start_of(history, form, season);
  if (!start) return std::nullopt;
  const auto count = static_cast<double>(start->model.parameters()),
             steps = static_cast<double>(history.size());
  if (steps - count - 1.0 < 1.0) return std::nullopt;
  const auto first = variables_of(form);
  const auto found = runtime::nelder_mead(
      [&](const std::vector<double>& at) { return ets_likelihood(model_at(*start, at), history); }, first,
      std::vector<double>(first.size(), 1.0), {.most_evaluations = 500, .tolerance = 1e-7});
  if (!std::isfinite(found.value)) return std::nullopt;
  auto model = model_at(*start, found.at);
  EtsModel end;
  ets_likelihood(model, history, &end);
  model.variance = end.variance;
  model.aicc = found.value + 2.0 * count + 2.0 * count * (count + 1.0) / (steps - count - 1.0);
  return model;
}

NormalForecast forecast_ets(const EtsModel& model, std::span<const double> history, int64_t horizon) {
  EtsModel end;
  ets_likelihood(model, history, &end);
  const auto steps = static_cast<std::size_t>(horizon), phase = history.size() % period_of(model);
  NormalForecast result;
  EtsModel states = end;
  for (std::size_t step = 0; step < steps; ++step) {
    const auto at = (phase + step) % period_of(states);
    const auto expected = expectation(states, at);
    result.mean.push_back(expected.mean);
    update(states, expected, 0.0, at);
  }
  if (model.form.multiplicative_error) {
    result.stddev = simulated_stddev(end, phase, steps);
  } else {
    for (const double growth : variance_growth(model, steps)) {
      result.stddev.push_back(std::sqrt(end.variance * growth));
    }
  }
  return result;
}

NormalForecast forecast_ets(std::span<const double> history, int64_t horizon, int64_t season) {
  const bool long_season = season > kLongestEtsSeason && static_cast<int64_t>(history.size()) >= 2 * season;
  std::optional<SeasonalAdjustment> adjustment;
  if (long_season) adjustment = classical_decomposition(history, season, false);
  const auto values = adjustment ? std::span<const double>(adjustment->adjusted) : history;
  const bool seasonal = season > 1 && season <= kLongestEtsSeason;
  std::optional<EtsModel> best;
  for (const auto& form : stable_forms(seasonal, all_positive(values))) {
    const auto fitted = fit_ets(values, form, season);
    if (fitted && (!best || fitted->aicc < best->aicc)) best = fitted;
  }
  auto result = best ? forecast_ets(*best, values, horizon) : constant_forecast(values.back(), horizon);
  for (std::size_t step = 0; adjustment && step < result.mean.size(); ++step) {
    result.mean[step] = adjustment->restored(result.mean[step], history.size() + step);
  }
  return result;
}

}  // namespace arzoo::forecast
