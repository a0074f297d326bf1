#include "forecast/models/chronos2_prediction.h"

#include <torch/torch.h>

#include <algorithm>

#include "forecast/data/length_batches.h"
#include "forecast/data/row_groups.h"
#include "forecast/scores/quantile_levels.h"

namespace arzoo::forecast {
namespace {

/// Tokens of a batch, above which larger ones are no faster.
constexpr int64_t kMostBatchTokens = 16384;

/// Tokens that are computed at a time on a CPU. What the layers make of more is beyond the 32 MB that glibc's
/// allocator keeps: pages that the system clears, and takes back, at every layer.
constexpr int64_t kPartTokens = 2048;

/// The rows of an unrolling, once for each path.
struct Paths {
  Chronos2Input input;
  int64_t count;  ///< of each row
};

at::Tensor with_paths(const at::Tensor& rows, int64_t count) {
  return rows.defined() ? rows.repeat_interleave(count, 0) : at::Tensor();
}

Paths paths_of(const Chronos2Input& input, int64_t count) {
  const int64_t rows = input.context.size(0);
  const auto whole = at::TensorOptions(input.context.device()).dtype(at::kLong);
  const auto groups = input.group_ids.defined() ? input.group_ids : at::arange(rows, whole);
  // A path mixes with the same path of the other rows of its group.
  const auto path = at::arange(count, whole).repeat({rows});
  Paths paths{{}, count};
  paths.input.context = with_paths(input.context, count);
  paths.input.group_ids = with_paths(groups, count) * count + path;
  paths.input.future_covariates = with_paths(input.future_covariates, count);
  return paths;
}

/// Appends what was forecast, or is known, of the next steps to each path's history. forecast: [B, Q, L].
void append(Paths& paths, const at::Tensor& forecast, const Chronos2& model,
            const std::vector<double>& levels) {
  const int64_t steps = forecast.size(2);
  auto block = interpolated_levels(forecast.transpose(1, 2), model.levels(), levels)  // [B, L, U]
                   .transpose(1, 2)
                   .reshape({-1, steps});
  auto& future = paths.input.future_covariates;
  if (future.defined()) {
    const int64_t known = std::min(steps, future.size(1));
    auto given = future.narrow(1, 0, known);
    if (known < steps) given = at::constant_pad_nd(given, {0, steps - known}, NAN);
    block = at::where(given.isnan(), block, given);
    future = known < future.size(1) ? future.narrow(1, known, future.size(1) - known) : at::Tensor();
  }
  paths.input.context = last_columns(at::cat({paths.input.context, block}, 1), model.context_length());
}

/// The quantiles of all paths of a row together. quantiles: [B * U, Q, L]; returns [B, Q, L].
at::Tensor reduced(const at::Tensor& quantiles, const Chronos2& model, const std::vector<double>& levels) {
  const auto count = static_cast<int64_t>(levels.size()), steps = quantiles.size(2);
  const auto own = at::tensor(level_masses(model.levels()), quantiles.options()),
             of_path = at::tensor(level_masses(levels), quantiles.options());
  const auto weights = at::outer(of_path, own).flatten();
  const auto samples =
      quantiles.view({-1, count * quantiles.size(1), steps}).transpose(1, 2);  // [B, L, U * Q]
  return weighted_quantiles(samples.contiguous(), weights, model.levels()).transpose(1, 2);
}

Chronos2Input on_device(Chronos2Input input, at::Device device) {
  for (auto* tensor : {&input.context, &input.group_ids, &input.future_covariates}) {
    if (tensor->defined()) *tensor = tensor->to(device);
  }
  return input;
}

/// Of a row in one pass.
int64_t tokens_of(const Chronos2& model, int64_t context, int64_t output_patches) {
  return (std::min(context, model.context_length()) + model.patch() - 1) / model.patch() + 1 + output_patches;
}

Chronos2Input rows_of(const Chronos2Input& input, int64_t begin, int64_t end) {
  auto part = input;
  for (auto* tensor : {&part.context, &part.context_mask, &part.group_ids, &part.future_covariates}) {
    if (tensor->defined()) *tensor = tensor->narrow(0, begin, end - begin);
  }
  return part;
}

/// Chronos2::quantiles, of few rows at a time: groups do not see each other.
at::Tensor quantiles_in_parts(const Chronos2& model, const Chronos2Input& input) {
  if (!input.context.is_cpu() || input.trace != nullptr) return model.quantiles(input);
  const int64_t rows = input.context.size(0);
  const auto most = kPartTokens / tokens_of(model, input.context.size(1), input.output_patches);
  std::vector<at::Tensor> parts;
  int64_t begin = 0;
  for (const auto end : ends_of_parts(input.group_ids, rows, most)) {
    parts.push_back(model.quantiles(rows_of(input, begin, end)));
    begin = end;
  }
  return at::cat(parts);
}

int64_t tokens_of_row(const Chronos2& model, int64_t context, const Chronos2PredictOptions& options) {
  const auto patch = model.patch();
  const auto ahead = std::min((options.horizon + patch - 1) / patch, options.unroll.max_output_patches);
  const bool unrolls = ahead * patch < options.horizon;
  const auto tokens = tokens_of(model, context, ahead);
  return unrolls ? tokens * static_cast<int64_t>(options.unroll.levels.size()) : tokens;
}

/// Batches of tasks of like length where they do not inform each other, the official ones where they do.
std::vector<std::vector<std::size_t>> batches_of(const Chronos2& model, std::span<const Chronos2Rows> tasks,
                                                 const Chronos2PredictOptions& options, int64_t context) {
  std::vector<std::vector<std::size_t>> batches;
  if (options.cross_learning) {
    for (const auto& batch : official_batches(tasks, options.batch_size)) {
      auto& members = batches.emplace_back();
      for (std::size_t i = 0; i < batch.tasks; ++i) members.push_back(batch.first + i);
    }
    return batches;
  }
  std::vector<int64_t> lengths;
  int64_t rows = 1;
  for (const auto& task : tasks) {
    rows = std::max(rows, task.context.size(0));
    lengths.push_back(tokens_of_row(model, std::min(task.context.size(1), context), options));
  }
  const auto most = static_cast<std::size_t>(std::max<int64_t>(1, options.batch_size / rows));
  return length_batches(lengths, 0, most, kMostBatchTokens / rows);
}

}  // namespace

at::Tensor unrolled_quantiles(const Chronos2& model, const Chronos2Input& input, int64_t horizon,
                              const UnrollOptions& options) {
  for (const double level : options.levels) {
    if (place_of_level(model.levels(), level) < 0)
      fail<UsageError>("chronos2: cannot follow the quantile {:g}, which is none of the model's", level);
  }
  const torch::NoGradGuard no_grad;
  const auto patches = [&](int64_t steps) {
    return std::min((steps + model.patch() - 1) / model.patch(), options.max_output_patches);
  };
  auto first = input;
  first.output_patches = patches(horizon);
  std::vector<at::Tensor> parts{quantiles_in_parts(model, first)};
  int64_t left = horizon - parts.back().size(2);
  if (left > 0) {
    auto paths = paths_of(input, static_cast<int64_t>(options.levels.size()));
    for (; left > 0; left -= parts.back().size(2)) {
      append(paths, parts.back(), model, options.levels);
      paths.input.output_patches = patches(left);
      parts.push_back(reduced(quantiles_in_parts(model, paths.input), model, options.levels));
    }
  }
  return at::cat(parts, 2).narrow(2, 0, horizon);
}

std::vector<at::Tensor> predict_rows(const Chronos2& model, std::span<const Chronos2Rows> tasks,
                                     const Chronos2PredictOptions& options, at::Device device) {
  const auto context =
      std::min(options.context_length.value_or(model.context_length()), model.context_length());
  std::vector<at::Tensor> results(tasks.size());
  for (const auto& batch : batches_of(model, tasks, options, context)) {
    std::vector<const Chronos2Rows*> members;
    for (const auto i : batch) members.push_back(&tasks[i]);
    const auto input = on_device(chronos2_batch(members, context, options.cross_learning), device);
    const auto all =
        unrolled_quantiles(model, input, options.horizon, options.unroll).to(at::kCPU, at::kFloat);
    int64_t row = 0;
    for (const auto i : batch) {
      results[i] = all.narrow(0, row, tasks[i].targets);
      row += tasks[i].context.size(0);
    }
  }
  return results;
}

std::vector<ZeroShotForecast> predict_chronos2(const Chronos2& model, std::span<const ZeroShotSeries> series,
                                               const ZeroShotRequest& request,
                                               const Chronos2ForecastOptions& chosen) {
  Chronos2PredictOptions options;
  options.horizon = request.horizon;
  options.batch_size = chosen.batch_size;
  options.context_length = chosen.context_length;
  options.cross_learning = chosen.cross_learning;
  options.unroll.levels = chosen.unrolled_quantiles;
  options.unroll.max_output_patches =
      chosen.max_output_patches.value_or(model.options().chronos_config.max_output_patches);
  const auto tasks = chronos2_rows(series, request.horizon, chosen.target_encoding);
  std::vector<ZeroShotForecast> forecasts;
  for (const auto& quantiles : predict_rows(model, tasks, options, request.device)) {
    const auto by_step = quantiles.transpose(1, 2);  // [V, H, Q]
    ZeroShotForecast forecast;
    forecast.point = interpolated_levels(by_step, model.levels(), {0.5}).squeeze(-1);
    if (!request.levels.empty())
      forecast.quantiles = interpolated_levels(by_step, model.levels(), request.levels).transpose(1, 2);
    forecasts.push_back(std::move(forecast));
  }
  return forecasts;
}

}  // namespace arzoo::forecast
