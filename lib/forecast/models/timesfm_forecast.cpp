#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "forecast/models/timesfm_model.h"
#include "forecast/scores/quantile_levels.h"
#include "io/csv.h"

namespace arzoo::forecast {
namespace {

constexpr double kConstantRow = 1e-6;
constexpr int64_t kMostTimesFmTokens = 16384;  // of a batch

int64_t whole_parts(int64_t steps, int64_t part) { return (steps + part - 1) / part * part; }

/// What decode says of the future and, where wanted, of the history.
struct Decoding {
  at::Tensor ahead;     ///< [B, steps, K]
  at::Tensor spread;    ///< [B, S, K]
  at::Tensor backcast;  ///< [B, (N - 1) * P, K]; undefined where it is not wanted

  template <class Change>
  void combine(const Decoding& other, const Change& change) {
    ahead = change(ahead, other.ahead);
    spread = change(spread, other.spread);
    if (backcast.defined()) backcast = change(backcast, other.backcast);
  }
};

Decoding decoded(const TimesFm& model, int64_t horizon, const at::Tensor& inputs, const at::Tensor& mask,
                 bool with_backcast) {
  const auto found = model.decode(horizon, inputs, mask, with_backcast);
  const int64_t patches = found.outputs.size(1);
  Decoding result;
  result.ahead = found.outputs.select(1, patches - 1);
  if (found.ar_outputs.defined()) result.ahead = at::cat({result.ahead, found.ar_outputs.flatten(1, 2)}, 1);
  result.spread = found.quantile_spread;
  if (with_backcast)
    result.backcast =
        found.outputs.narrow(1, 0, patches - 1).narrow(2, 0, model.options().input_patch_len).flatten(1, 2);
  return result;
}

/// (f(x) - f(-x) with its quantiles in reverse) / 2.
at::Tensor flip_invariant(const at::Tensor& of_series, const at::Tensor& of_negative) {
  const int64_t channels = of_series.size(-1);
  const auto reversed =
      at::cat({of_negative.narrow(-1, 0, 1), of_negative.narrow(-1, 1, channels - 1).flip(-1)}, -1);
  return (of_series - reversed) / 2.0;
}

/// The quantiles at the distances from the median that the long head gives them.
at::Tensor with_spread(const at::Tensor& ahead, const at::Tensor& spread, int64_t median) {
  const int64_t steps = ahead.size(1);
  const auto wide = spread.narrow(1, 0, steps);
  const auto point = ahead.narrow(-1, median, 1);
  auto result = wide - wide.narrow(-1, median, 1) + point;
  result.narrow(-1, median, 1).copy_(point);
  result.narrow(-1, 0, 1).copy_(ahead.narrow(-1, 0, 1));
  return result;
}

/// Quantiles from the median outwards never beyond their neighbour; in place.
void make_ascend(at::Tensor& outputs, int64_t median) {
  for (int64_t i = median - 1; i >= 1; --i)
    outputs.select(-1, i).copy_(at::minimum(outputs.select(-1, i), outputs.select(-1, i + 1)));
  for (int64_t i = median + 1; i < outputs.size(-1); ++i)
    outputs.select(-1, i).copy_(at::maximum(outputs.select(-1, i), outputs.select(-1, i - 1)));
}

/// Steps of a series that there is a backcast of: those of its context behind the first patch.
int64_t backcast_steps(const ZeroShotSeries& series, int64_t context, int64_t patch) {
  return std::max<int64_t>(std::min(series.targets.size(1), context) - patch, 0);
}

std::string name_of(std::span<const std::string> names, std::size_t i) {
  return i < names.size() ? io::shown(names[i]) : std::to_string(i);
}

}  // namespace

at::Tensor without_gaps(const at::Tensor& series) {
  const auto values = series.to(at::kCPU, at::kFloat).contiguous();
  const float* from = values.const_data_ptr<float>();
  const int64_t length = values.numel();
  int64_t first = 0;
  while (first < length && std::isnan(from[first])) ++first;
  auto filled = values.narrow(0, first, length - first).clone();
  auto* to = filled.mutable_data_ptr<float>();
  int64_t last = 0;  // the place of the last value before
  for (int64_t t = 1; t < filled.numel(); ++t) {
    if (std::isnan(to[t])) continue;
    const double step = (static_cast<double>(to[t]) - to[last]) / static_cast<double>(t - last);
    for (int64_t gap = last + 1; gap < t; ++gap)
      to[gap] = static_cast<float>(to[last] + step * static_cast<double>(gap - last));
    last = t;
  }
  for (int64_t t = last + 1; t < filled.numel(); ++t) to[t] = to[last];
  return filled;
}

at::Tensor TimesFm::forecast_with_flags(const std::vector<at::Tensor>& series, int64_t horizon,
                                        const TimesFmFlags& flags, std::span<const std::string> names) const {
  const torch::NoGradGuard no_grad;
  const int64_t context = whole_parts(flags.max_context, options_.input_patch_len);
  const int64_t most = whole_parts(flags.max_horizon, options_.output_patch_len);
  if (horizon > most)
    fail<UsageError>("timesfm: a horizon of {} steps, beyond max_horizon ({})", horizon, most);
  if (flags.use_continuous_quantile_head && most > options_.output_quantile_len)
    fail<UsageError>("timesfm: max_horizon ({}) exceeds the {} steps of the long quantile head", most,
                     options_.output_quantile_len);
  auto inputs = at::zeros({static_cast<int64_t>(series.size()), context});
  auto mask = at::ones(inputs.sizes(), at::kBool);
  for (std::size_t i = 0; i < series.size(); ++i) {
    const auto filled = without_gaps(series[i]);
    if (filled.numel() == 0) fail<DataError>("series {}: no value, expected at least one", name_of(names, i));
    const int64_t length = std::min(filled.numel(), context), row = static_cast<int64_t>(i);
    inputs[row].narrow(0, context - length, length).copy_(filled.narrow(0, filled.numel() - length, length));
    mask[row].narrow(0, context - length, length).fill_(false);
  }
  inputs = inputs.to(parameters().front().device());
  mask = mask.to(inputs.device());
  const auto is_positive = (inputs >= 0).all(1).view({-1, 1, 1});
  at::Tensor mean, deviation, divisor;
  if (flags.normalize_inputs) {
    mean = inputs.mean(1, true);
    deviation = inputs.std(1, /*unbiased=*/true, true);
    divisor = at::where(deviation < kConstantRow, at::ones_like(deviation), deviation);
    inputs = (inputs - mean) / divisor;
  }
  auto found = decoded(*this, horizon, inputs, mask, flags.return_backcast);
  if (flags.force_flip_invariance)
    found.combine(decoded(*this, horizon, -inputs, mask, flags.return_backcast), &flip_invariant);
  auto outputs = found.ahead.narrow(1, 0, horizon);
  if (flags.use_continuous_quantile_head) outputs = with_spread(outputs, found.spread, median_channel());
  if (flags.return_backcast) outputs = at::cat({found.backcast, outputs}, 1);
  outputs = outputs.clone();
  if (flags.fix_quantile_crossing) make_ascend(outputs, median_channel());
  if (flags.normalize_inputs) outputs = outputs * deviation.unsqueeze(-1) + mean.unsqueeze(-1);
  if (flags.infer_is_positive) outputs = at::where(is_positive, outputs.clamp_min(0.0), outputs);
  return outputs;
}

at::Tensor TimesFm::forecast_naive(const at::Tensor& series, int64_t horizon) const {
  const int64_t length = series.size(0), context = whole_parts(length, options_.input_patch_len);
  const auto inputs = at::constant_pad_nd(series.to(at::kFloat), {context - length, 0}).unsqueeze(0);
  auto mask = at::zeros(inputs.sizes(), inputs.options().dtype(at::kBool));
  mask.narrow(1, 0, context - length).fill_(true);
  return decoded(*this, horizon, inputs, mask, false).ahead[0].narrow(0, 0, horizon);
}

void TimesFm::configure(const Config& options) { forecast_options_ = options.as<TimesFmForecastOptions>(); }

int64_t TimesFm::most_context(int64_t horizon) const {
  const int64_t patch = options_.input_patch_len;
  const int64_t left = options_.context_limit - whole_parts(horizon, options_.output_patch_len);
  const int64_t most = std::max(left / patch * patch, patch);
  return std::min(most, whole_parts(forecast_options_.max_context.value_or(most), patch));
}

TimesFmFlags TimesFm::flags_for(int64_t horizon) const {
  const auto& chosen = forecast_options_;
  TimesFmFlags flags;
  flags.max_horizon = horizon;
  flags.normalize_inputs = chosen.normalize_inputs;
  flags.force_flip_invariance = chosen.force_flip_invariance;
  flags.infer_is_positive = chosen.infer_is_positive;
  flags.fix_quantile_crossing = chosen.fix_quantile_crossing;
  flags.use_continuous_quantile_head =
      chosen.use_continuous_quantile_head &&
      whole_parts(horizon, options_.output_patch_len) <= options_.output_quantile_len;
  return flags;
}

std::vector<ZeroShotForecast> TimesFm::forecast_series(std::span<const ZeroShotSeries> series,
                                                       const ZeroShotRequest& request) {
  check_series(series, request);
  check_abilities(abilities(), TimesFmOptions::kName, series, request);
  check_levels(options_.quantiles, TimesFmOptions::kName, request);
  struct Row {
    std::size_t series;
    int64_t target;
  };
  // Rows of equally many patches together: what is padded counts in the normalisation.
  std::map<int64_t, std::vector<Row>> by_length;
  const int64_t most = most_context(request.horizon), patch = options_.input_patch_len;
  for (std::size_t i = 0; i < series.size(); ++i) {
    for (int64_t v = 0; v < series[i].targets.size(0); ++v)
      by_length[whole_parts(forecast_options_.max_context.value_or(std::min(series[i].targets.size(1), most)),
                            patch)]
          .push_back({i, v});
  }
  std::vector<ZeroShotForecast> forecasts(series.size());
  for (std::size_t i = 0; i < series.size(); ++i) {
    const int64_t targets = series[i].targets.size(0), levels = static_cast<int64_t>(request.levels.size());
    forecasts[i].point = at::empty({targets, request.horizon});
    if (levels > 0) forecasts[i].quantiles = at::empty({targets, levels, request.horizon});
    if (request.backcast)
      forecasts[i].backcast = at::empty({targets, backcast_steps(series[i], most, patch)});
  }
  auto flags = flags_for(request.horizon);
  flags.return_backcast = request.backcast;
  for (const auto& [context, rows] : by_length) {
    flags.max_context = context;
    const auto at_once = static_cast<std::size_t>(
        std::clamp<int64_t>(kMostTimesFmTokens * patch / context, 1, forecast_options_.batch_size));
    for (std::size_t first = 0; first < rows.size(); first += at_once) {
      const auto count = std::min(at_once, rows.size() - first);
      std::vector<at::Tensor> batch;
      std::vector<std::string> names;
      for (std::size_t i = first; i < first + count; ++i) {
        batch.push_back(series[rows[i].series].targets[rows[i].target]);
        names.push_back(series[rows[i].series].unique_id);
      }
      const auto all = forecast_with_flags(batch, request.horizon, flags, names).to(at::kCPU, at::kFloat);
      const int64_t back = all.size(1) - request.horizon;
      const auto found = all.narrow(1, back, request.horizon);
      const auto quantiles = found.narrow(2, 1, found.size(2) - 1);
      for (std::size_t i = 0; i < count; ++i) {
        const auto& [owner, target] = rows[first + i];
        const auto row = static_cast<int64_t>(i);
        forecasts[owner].point[target].copy_(found[row].select(1, median_channel()));
        if (request.backcast) {
          const auto known = forecasts[owner].backcast[target];
          known.copy_(all[row].narrow(0, back - known.size(0), known.size(0)).select(1, median_channel()));
        }
        if (request.levels.empty()) continue;
        forecasts[owner].quantiles[target].copy_(
            interpolated_levels(quantiles[row], options_.quantiles, request.levels).transpose(0, 1));
      }
    }
  }
  return forecasts;
}

}  // namespace arzoo::forecast
