#include "forecast/forecast_model.h"

#include <torch/torch.h>

#include <algorithm>
#include <numeric>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "core/closest.h"
#include "core/display_text.h"
#include "forecast/any_length_forecaster.h"
#include "io/csv.h"
#include "io/time_features.h"
#include "runtime/parameter_count.h"

namespace arzoo::forecast {
namespace {

constexpr std::size_t kLargestBatch = 256;

/// Rows [first, first + rows) of [T, W]; the last one repeated where they end before.
at::Tensor rows_from(const at::Tensor& from, int64_t first, int64_t rows) {
  const int64_t there = std::min(rows, from.size(0) - first);
  const auto part = from.narrow(0, first, there);
  return there == rows ? part : at::cat({part, part.narrow(0, there - 1, 1).expand({rows - there, -1})});
}

}  // namespace

int64_t ForecastModel::parameters() const {
  int64_t count = model_ ? runtime::count_parameters(*model_).all : 0;
  for (const auto& [weight, member] : members_) count += member->parameters();
  return count;
}

bool ForecastModel::has_intervals() const {
  if (!members_.empty()) {
    return std::any_of(members_.begin(), members_.end(),
                       [](const auto& member) { return member.second->has_intervals(); });
  }
  return head_ != nullptr || !scores_.empty() || (zero_shot_ && any_series().abilities().quantiles);
}

bool ForecastModel::reads_gaps() const {
  if (!members_.empty()) {
    return std::all_of(members_.begin(), members_.end(),
                       [](const auto& member) { return member.second->reads_gaps(); });
  }
  return zero_shot_ && xreg_roles_.empty() && any_series().abilities().gaps;
}

void ForecastModel::set_roles(const CovariateRoles& roles) {
  given_roles_ = roles;
  for (const auto& [weight, member] : members_) member->set_roles(roles);
}

void ForecastModel::set_season(std::optional<int64_t> season) {
  season_ = season;
  for (const auto& [weight, member] : members_) {
    if (member->is_zero_shot()) member->set_season(season);
  }
}

/// One series on its way through the model.
struct ForecastModel::Input {
  StandardScaler scaler;
  std::vector<io::Timestamp> future;  ///< the stamps ahead
  at::Tensor values;                  ///< [seq_len + what was forecast so far, C] float, scaled
  at::Tensor marks;                   ///< [seq_len + horizon, M]; undefined without calendar features
  at::Tensor known;                   ///< [seq_len + horizon, F]; undefined without covariates known ahead
  at::Tensor statics;                 ///< [G]; undefined without static covariates
};

int64_t ForecastModel::most_context(int64_t horizon) const {
  int64_t most = zero_shot_ ? any_series().most_context(horizon) : shape_.seq_len;
  for (const auto& [weight, member] : members_) most = std::max(most, member->most_context(horizon));
  return most;
}

bool ForecastModel::gains_from_company() const {
  if (!xreg_roles_.empty()) return true;
  if (members_.empty()) return zero_shot_ && !any_series().abilities().one_by_one;
  return std::any_of(members_.begin(), members_.end(),
                     [](const auto& member) { return member.second->gains_from_company(); });
}

StandardScaler ForecastModel::scaler_for(const io::SeriesTable& table) const {
  const auto variates = static_cast<int64_t>(table.variates.size());
  const auto rows = static_cast<int64_t>(table.rows());
  if (!options_.scale) return StandardScaler::identity(variates);
  const auto own = scalers_.find(table.unique_id);
  if (own != scalers_.end()) return own->second;
  // A model trained on one wide file has one scaler, whatever the new file is called; a series that a long
  // file's model has not seen is scaled by its own rows, as the official loader for new data does.
  if (scalers_.size() == 1 && !options_.variates_apart()) return scalers_.begin()->second;
  return StandardScaler::fit(table, 0, rows);
}

const SeenRows* ForecastModel::seen_rows(const io::SeriesTable& table) const {
  if (seen_rows_.empty()) return nullptr;
  const auto id = variates_apart() ? table.unique_id + "/" + table.variates.front() : table.unique_id;
  const auto own = seen_rows_.find(id);
  if (own != seen_rows_.end()) return &own->second;
  // A wide file may have been renamed, or have grown.
  return seen_rows_.size() == 1 && !variates_apart() ? &seen_rows_.begin()->second : nullptr;
}

std::vector<std::string> ForecastModel::forecast_variates(const io::SeriesTable& table) const {
  if (!xreg_roles_.empty()) return xreg_roles_.targets;
  if (variates_apart()) return table.variates;
  if (zero_shot_) return given_roles_.targets;
  const auto& names = named_ ? variates_ : table.variates;
  return {names.end() - std::min<int64_t>(shape_.c_out, static_cast<int64_t>(names.size())), names.end()};
}

/// Where the model's variates stand in the table, whose columns may be in another order.
std::vector<int64_t> ForecastModel::columns_of(const io::SeriesTable& table) const {
  std::vector<int64_t> columns(variates_.size());
  std::iota(columns.begin(), columns.end(), int64_t{0});
  if (table.variates == variates_) return columns;
  std::unordered_map<std::string_view, int64_t> places;
  for (std::size_t c = 0; c < table.variates.size(); ++c)
    places.emplace(table.variates[c], static_cast<int64_t>(c));
  std::vector<std::string> absent;
  for (std::size_t c = 0; named_ && c < variates_.size(); ++c) {
    const auto found = places.find(variates_[c]);
    if (found == places.end())
      absent.push_back(variates_[c]);
    else
      columns[c] = found->second;
  }
  const std::unordered_set<std::string_view> known(variates_.begin(), variates_.end());
  for (const auto& name : table.variates) {
    if (!named_ || known.contains(name)) continue;
    const auto near = closest(name, variates_);
    fail<DataError>(
        "{}: the model was not trained on the variate {}{}; it knows {} (choose others with --columns, or "
        "train on it)",
        table.source, io::shown(name), near ? fmt::format(" (did you mean {}?)", io::shown(*near)) : "",
        first_few(variates_, io::shown));
  }
  if (!absent.empty() || table.variates.size() != variates_.size()) {
    fail<DataError>("{}: {} variates, the model expects {}{}", table.source, table.variates.size(),
                    variates_.size(),
                    absent.empty() ? "" : fmt::format(" (missing: {})", first_few(absent, io::shown)));
  }
  return columns;
}

ForecastModel::Input ForecastModel::prepare(const io::SeriesTable& whole, const KnownAhead* ahead,
                                            int64_t horizon) const {
  // A long series is not copied when all of its variates are wanted.
  const bool all = options_.features == "M" && options_.target.empty() && roles().empty();
  const auto chosen = all               ? io::SeriesTable()
                      : roles().empty() ? select_variates(whole, options_)
                                        : covariates_.variates(whole);
  const auto& table = all ? whole : chosen;
  const auto columns = columns_of(table);
  const auto rows = static_cast<int64_t>(table.stamps.size()), width = static_cast<int64_t>(columns.size());
  if (rows < least_context()) {
    fail<DataError>(
        "{}: series {} has {} rows, the model needs a context of {} (seq_len; give it more rows, "
        "lengthen it with --pad-short, or train with a shorter one)",
        table.source, io::shown(table.unique_id), rows, least_context());
  }
  const int64_t context = shape_.seq_len;
  Input input{scaler_for(table), {}, at::empty({context, width}, at::kFloat), {}, {}, {}};
  auto* scaled = input.values.mutable_data_ptr<float>();
  for (int64_t t = 0; t < context; ++t) {
    for (int64_t c = 0; c < width; ++c) {
      scaled[t * width + c] =
          input.scaler.transform(table.values[(rows - context + t) * width + columns[c]], c);
    }
  }
  input.known = covariates_.known(whole, ahead, context, horizon);
  input.statics = covariates_.statics(whole);
  std::vector<io::Timestamp> stamps(table.stamps.end() - context, table.stamps.end());
  for (int64_t step = 1; step <= horizon; ++step)
    input.future.push_back(advance(table.stamps.back(), table.frequency, step));
  if (shape_.marks == 0) return input;
  stamps.insert(stamps.end(), input.future.begin(), input.future.end());
  input.marks = calendar_marks(stamps, table.frequency, options_.timeenc);
  if (input.marks.size(1) != shape_.marks) {
    fail<DataError>(
        "{}: its frequency {} has {} calendar features, the model was trained with {} (another frequency?)",
        table.source, to_string(table.frequency), input.marks.size(1), shape_.marks);
  }
  return input;
}

/// [series, horizon, variates], scaled, and of a model that has learnt one the distribution, [series,
/// horizon, c_out].
at::Tensor ForecastModel::roll(std::vector<Input>& inputs, int64_t horizon,
                               Distribution* distribution) const {
  const int64_t decoder = shape_.label_len + shape_.pred_len;
  std::vector<at::Tensor> rounds;
  std::vector<Distribution> spreads;
  for (int64_t done = 0; done < horizon; done += shape_.pred_len) {
    ForecastBatch batch;
    std::vector<at::Tensor> history, start, marks_enc, marks_dec, known, statics;
    for (const auto& input : inputs) {
      const int64_t rows = input.values.size(0);
      history.push_back(input.values.narrow(0, rows - shape_.seq_len, shape_.seq_len));
      start.push_back(at::constant_pad_nd(input.values.narrow(0, rows - shape_.label_len, shape_.label_len),
                                          {0, 0, 0, shape_.pred_len}));
      // The last round may look past the horizon: its surplus steps repeat the last one and are cut off.
      if (shape_.known_in > 0)
        known.push_back(rows_from(input.known, done, shape_.seq_len + shape_.pred_len));
      if (shape_.static_in > 0) statics.push_back(input.statics);
      if (shape_.marks == 0) continue;
      marks_enc.push_back(input.marks.narrow(0, done, shape_.seq_len));
      marks_dec.push_back(rows_from(input.marks, done + shape_.seq_len - shape_.label_len, decoder));
    }
    const auto to_device = [&](const std::vector<at::Tensor>& parts) {
      return at::stack(parts).to(compute_.device);
    };
    batch.x_enc = to_device(history);
    batch.x_dec = to_device(start);
    if (shape_.known_in > 0) batch.known = to_device(known);
    if (shape_.static_in > 0) batch.statics = to_device(statics);
    if (shape_.marks > 0) {
      batch.x_mark_enc = to_device(marks_enc);
      batch.x_mark_dec = to_device(marks_dec);
    }
    const auto found = model_->forecast(batch);
    if (distribution != nullptr) spreads.push_back(round_distribution(batch, found, spreads));
    const auto out = found.to(at::kCPU, at::kFloat);
    rounds.push_back(out);
    if (done + shape_.pred_len >= horizon) break;
    if (out.size(2) != inputs[0].values.size(1)) {
      fail<UsageError>(
          "--horizon {}: beyond {} steps the model would need forecasts of all {} variates, and it gives {}",
          horizon, shape_.pred_len, inputs[0].values.size(1), out.size(2));
    }
    for (std::size_t i = 0; i < inputs.size(); ++i)
      inputs[i].values = at::cat({inputs[i].values, out[static_cast<int64_t>(i)]});
  }
  if (distribution != nullptr)
    *distribution = Distribution::cat(spreads, 1).chosen([&](const at::Tensor& part) {
      return part.narrow(1, 0, horizon);
    });
  return at::cat(rounds, 1).narrow(1, 0, horizon);
}

/// The forecasts of a table's variates side by side.
SeriesForecast ForecastModel::side_by_side(const io::SeriesTable& table,
                                           std::span<const SeriesForecast> variates) {
  SeriesForecast joined{table.unique_id, table.variates, variates.front().stamps, {}, {}, {}, {}};
  const auto join = [&](const auto& part_of) {
    std::vector<at::Tensor> parts;
    for (const auto& variate : variates) parts.push_back(part_of(variate));
    return at::cat(parts, -1);
  };
  joined.mean = join([](const SeriesForecast& variate) { return variate.mean; });
  joined.scale = join([](const SeriesForecast& variate) { return variate.scale; });
  for (std::size_t i = 0; i < variates.front().intervals.size(); ++i) {
    joined.intervals.push_back(
        {variates.front().intervals[i].level,
         join([i](const SeriesForecast& variate) { return variate.intervals[i].low; }),
         join([i](const SeriesForecast& variate) { return variate.intervals[i].high; })});
  }
  for (std::size_t i = 0; i < variates.front().quantiles.size(); ++i) {
    joined.quantiles.emplace_back(
        variates.front().quantiles[i].first,
        join([i](const SeriesForecast& variate) { return variate.quantiles[i].second; }));
  }
  std::vector<Distribution> distributions;
  for (const auto& variate : variates) distributions.push_back(variate.distribution);
  if (distributions.front().defined()) joined.distribution = Distribution::cat(distributions, 1);
  return joined;
}

ForecastModel::RowForecasts ForecastModel::forecast_rows(const at::Tensor& history, int64_t horizon,
                                                         const std::vector<double>& levels) const {
  auto* any_length = dynamic_cast<AnyLengthForecaster*>(model_.get());
  if (any_length == nullptr && !zero_shot_)
    fail<UsageError>("{}: forecasts what it was trained on, expected a model for any series", name_);
  const c10::InferenceMode inference;
  const kernels::QuantizedScope scope(quantized_.get());
  if (any_length != nullptr)
    return {any_length->forecast_rows(history.to(compute_.device), {}, horizon).to(at::kCPU, at::kFloat)};
  std::vector<ZeroShotSeries> series;
  for (int64_t row = 0; row < history.size(0); ++row)
    series.push_back({fmt::format("row {}", row), history.narrow(0, row, 1), {}});
  ZeroShotRequest request;
  request.horizon = horizon;
  request.device = compute_.device;
  if (any_series().abilities().quantiles) request.levels = levels;
  std::vector<at::Tensor> points, quantiles;
  for (const auto& forecast : any_series().forecast_series(series, request)) {
    points.push_back(forecast.point);
    if (!request.levels.empty()) quantiles.push_back(forecast.quantiles);
  }
  RowForecasts result{at::cat(points).to(at::kFloat)};
  if (!quantiles.empty()) result.quantiles = at::cat(quantiles).to(at::kFloat);
  return result;
}

std::vector<SeriesForecast> ForecastModel::forecast(std::span<const io::SeriesTable> tables, int64_t horizon,
                                                    const ForecastLevels& levels,
                                                    std::span<const KnownAhead> ahead) const {
  return xreg_roles_.empty() ? forecast_itself(tables, horizon, levels, ahead)
                             : forecast_around(tables, horizon, levels, ahead);
}

std::vector<SeriesForecast> ForecastModel::forecast_itself(std::span<const io::SeriesTable> tables,
                                                           int64_t horizon, const ForecastLevels& levels,
                                                           std::span<const KnownAhead> ahead) const {
  if (!members_.empty()) return forecast_members(tables, horizon, levels);
  if (zero_shot_) return forecast_any(tables, horizon, levels, ahead);
  covariates_.require(name_, tables.size(), ahead.size(), horizon);
  if (!variates_apart()) return forecast_whole(tables, horizon, levels, ahead);
  std::vector<io::SeriesTable> alone;
  for (const auto& table : tables) {
    for (std::size_t c = 0; c < table.variates.size(); ++c) alone.push_back(variate_alone(table, c));
  }
  const auto forecasts = forecast_whole(alone, horizon, levels, {});
  std::vector<SeriesForecast> results;
  std::size_t first = 0;
  for (const auto& table : tables) {
    results.push_back(side_by_side(table, std::span(forecasts).subspan(first, table.variates.size())));
    first += table.variates.size();
  }
  return results;
}

std::vector<SeriesForecast> ForecastModel::forecast_whole(std::span<const io::SeriesTable> tables,
                                                          int64_t horizon, const ForecastLevels& levels,
                                                          std::span<const KnownAhead> ahead) const {
  const c10::InferenceMode inference;
  const kernels::QuantizedScope scope(quantized_.get());
  std::vector<SeriesForecast> results(tables.size());
  for (std::size_t first = 0; first < tables.size(); first += kLargestBatch) {
    const auto batch = std::min(kLargestBatch, tables.size() - first);
    std::vector<Input> inputs;
    for (std::size_t i = first; i < first + batch; ++i)
      inputs.push_back(prepare(tables[i], ahead.empty() ? nullptr : &ahead[i], horizon));
    Distribution distribution;
    const bool learned = head_ != nullptr && (levels.distribution || !levels.empty());
    const auto scaled = roll(inputs, horizon, learned ? &distribution : nullptr).to(at::kDouble);
    for (std::size_t row = 0; row < batch; ++row) {
      const auto place = static_cast<int64_t>(row);
      const auto own = distribution.chosen([&](const at::Tensor& part) { return part[place]; });
      results[first + row] = in_original_units(tables[first + row], inputs[row], scaled[place], own, levels);
    }
  }
  return results;
}

/// scaled: [horizon, variates out] of one series; distribution: its, undefined of a point forecast.
SeriesForecast ForecastModel::in_original_units(const io::SeriesTable& table, const Input& input,
                                                const at::Tensor& scaled, const Distribution& distribution,
                                                const ForecastLevels& levels) const {
  const auto variates = static_cast<int64_t>(input.scaler.scale.size()),
             channels = std::min(shape_.c_out, variates);
  const auto last = [&](const std::vector<double>& values) {
    return at::tensor(values, at::kDouble).narrow(0, variates - channels, channels);
  };
  const auto scale = last(input.scaler.scale), mean = last(input.scaler.mean);
  SeriesForecast result{table.unique_id, forecast_variates(table), input.future, {}, {}, {}, {}, scale};
  result.mean = scaled.narrow(1, scaled.size(1) - channels, channels) * scale + mean;
  if (distribution.defined()) {
    result.distribution = distribution.affine(scale, mean);
    add_learned(result, levels);
  } else {
    add_conformal(result, levels, scale);
  }
  return result;
}

}  // namespace arzoo::forecast
