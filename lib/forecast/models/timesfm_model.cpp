#include "forecast/models/timesfm_model.h"

#include <torch/torch.h>

#include <cmath>

#include "forecast/any_length_forecaster.h"
#include "forecast/scores/quantile_levels.h"
#include "runtime/recompute.h"

namespace arzoo::forecast {
namespace {

constexpr double kConstantDeviation = 1e-6;

at::Tensor safe_quotient(const at::Tensor& sum, const at::Tensor& count) {
  return at::where(count > 0, sum / count.clamp_min(1.0), at::zeros_like(sum));
}

/// (values - mean) / deviation of each patch, 0 at padding. values, mask: [B, T, P]; mean, deviation: [B, T].
at::Tensor normed_patches(const at::Tensor& values, const at::Tensor& mask, const at::Tensor& mean,
                          const at::Tensor& deviation) {
  const auto divisor = at::where(deviation < kConstantDeviation, at::ones_like(deviation), deviation);
  return ((values - mean.unsqueeze(-1)) / divisor.unsqueeze(-1)).masked_fill(mask, 0.0);
}

/// Statistics after each patch, [B, T] each, `stats` continued.
std::pair<at::Tensor, at::Tensor> follow(RunningStats& stats, const at::Tensor& values,
                                         const at::Tensor& mask) {
  std::vector<at::Tensor> means, deviations;
  for (int64_t j = 0; j < values.size(1); ++j) {
    stats = stats.with(values.select(1, j), mask.select(1, j));
    means.push_back(stats.mean);
    deviations.push_back(stats.deviation);
  }
  return {at::stack(means, 1), at::stack(deviations, 1)};
}

/// outputs: [B, T, O, K]; mean, deviation: [B, T].
at::Tensor in_units(const at::Tensor& outputs, const at::Tensor& mean, const at::Tensor& deviation) {
  const auto wide = [](const at::Tensor& stat) { return stat.unsqueeze(-1).unsqueeze(-1); };
  return outputs.to(at::kFloat) * wide(deviation) + wide(mean);
}

}  // namespace

RunningStats RunningStats::none(int64_t rows, const at::TensorOptions& options) {
  const auto zeros = at::zeros({rows}, options);
  return {zeros, zeros, zeros};
}

RunningStats RunningStats::with(const at::Tensor& values, const at::Tensor& mask) const {
  const auto legit = mask.logical_not().to(values.scalar_type());
  const auto added = legit.sum(-1);
  const auto added_mean = safe_quotient((values * legit).sum(-1), added);
  const auto added_square =
      safe_quotient(((values - added_mean.unsqueeze(-1)) * legit).square().sum(-1), added);
  const auto all = count + added;
  const auto all_mean = safe_quotient(count * mean + added * added_mean, all);
  const auto squares = count * (deviation.square() + (mean - all_mean).square()) +
                       added * (added_square + (added_mean - all_mean).square());
  return {all, all_mean, safe_quotient(squares, all).clamp_min(0.0).sqrt()};
}

TimesFm::TimesFm(const TimesFmOptions& options, const SeriesShape& shape)
    : options_(options), pred_len_(shape.pred_len) {
  const int64_t width = options.model_dims, channels = options.channels();
  const auto block = [&](const char* name, const ResidualBlock::Sizes& sizes, bool with_bias) {
    auto made =
        register_module(name, std::make_shared<ResidualBlock>(sizes, kernels::Activation::silu, with_bias));
    made->initialise(1.0);
    return made;
  };
  tokenizer_ = block("tokenizer", {2 * options.input_patch_len, width, width}, true);
  auto list = register_module("stacked_xf", torch::nn::ModuleList());
  for (int64_t i = 0; i < options.num_layers; ++i) {
    layers_.push_back(std::make_shared<TimesFmLayer>(options));
    layers_.back()->initialise();
    list->push_back(layers_.back());
  }
  output_projection_point_ =
      block("output_projection_point", {width, width, options.output_patch_len * channels}, false);
  output_projection_quantiles_ =
      block("output_projection_quantiles", {width, width, options.output_quantile_len * channels}, false);
}

at::Tensor TimesFm::point_head(const at::Tensor& embeddings) const {
  return output_projection_point_->forward(embeddings).unflatten(-1, {options_.output_patch_len, -1});
}

at::Tensor TimesFm::quantile_head(const at::Tensor& embeddings) const {
  return output_projection_quantiles_->forward(embeddings).unflatten(-1, {options_.output_quantile_len, -1});
}

TimesFmTokens TimesFm::tokens(const at::Tensor& inputs, const at::Tensor& mask,
                              const at::Tensor& padded_patches, std::vector<nn::KvCache>* cache,
                              bool keep_layers) const {
  const auto type = tokenizer_->type();
  const int64_t count = inputs.size(1), past = cache != nullptr ? cache->front().length() : 0,
                all = past + count;
  TimesFmTokens result;
  result.input_embeddings =
      tokenizer_->forward(at::cat({inputs, mask.to(inputs.scalar_type())}, -1).to(type));
  const auto place = at::arange(all, at::TensorOptions(inputs.device()).dtype(at::kLong));
  auto positions = place.narrow(0, past, count);
  TimesFmPass pass;
  pass.mode.scale = 1.0;
  if (padded_patches.defined()) {
    const auto offset = padded_patches.view({-1, 1});
    const auto seen = place.view({1, -1}).ge(offset);  // [B, all]
    pass.mode.bias = kernels::causal_bias(count, all, seen, inputs.options().dtype(type));
    pass.padded = positions.view({1, -1}).lt(offset).view({-1, 1, count, 1});
    positions = positions.view({1, -1}) - offset;
  } else {
    pass.mode.causal = true;
  }
  pass.angles = kernels::rope_angles(positions, options_.head_dim(), options_.rope_theta, type);
  auto x = result.input_embeddings;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const auto run = [layer = layers_[i], pass, own = cache != nullptr ? &(*cache)[i] : nullptr](
                         const at::Tensor& tokens) { return layer->forward(tokens, pass, own); };
    x = cache == nullptr ? runtime::recomputed(x, run) : run(x);
    if (keep_layers) result.layers.push_back(x);
  }
  result.output_embeddings = x;
  return result;
}

TimesFmDecoded TimesFm::decode(int64_t horizon, const at::Tensor& inputs, const at::Tensor& mask,
                               bool all_patches, TimesFmTrace* trace) const {
  const torch::NoGradGuard no_grad;
  const int64_t patch = options_.input_patch_len, ahead = options_.output_patch_len;
  const int64_t rows = inputs.size(0), passes = (horizon - 1) / ahead, fresh = ahead / patch;
  const auto values = inputs.to(at::kFloat).view({rows, -1, patch}), padding = mask.view({rows, -1, patch});
  const int64_t count = values.size(1);
  auto padded = padding.select(2, patch - 1).sum(-1);  // [B] long
  if (!padded.any().item<bool>()) padded = at::Tensor();
  auto stats = RunningStats::none(rows, values.options());
  const auto [means, deviations] = follow(stats, values, padding);
  std::vector<nn::KvCache> cache(static_cast<std::size_t>(options_.num_layers),
                                 nn::KvCache(count + passes * fresh));
  const auto run = [&](const at::Tensor& normed, const at::Tensor& normed_mask) {
    auto found = tokens(normed, normed_mask, padded, passes > 0 ? &cache : nullptr, trace != nullptr);
    if (trace != nullptr) trace->passes.push_back({normed, found});
    return found.output_embeddings;
  };
  const auto embeddings = run(normed_patches(values, padding, means, deviations), padding);
  const auto last = [&](const at::Tensor& x) { return x.narrow(1, x.size(1) - 1, 1); };
  TimesFmDecoded decoded;
  decoded.outputs = all_patches ? in_units(point_head(embeddings), means, deviations)
                                : in_units(point_head(last(embeddings)), last(means), last(deviations));
  decoded.quantile_spread =
      in_units(quantile_head(last(embeddings)), last(means), last(deviations)).squeeze(1);
  if (trace != nullptr) {
    trace->patch_mean = means;
    trace->patch_deviation = deviations;
  }
  std::vector<at::Tensor> further;
  auto outputs = last(decoded.outputs).squeeze(1);  // [B, O, K]
  const auto unmasked = at::zeros({rows, fresh, patch}, padding.options());
  for (int64_t pass = 0; pass < passes; ++pass) {
    const auto next = outputs.select(2, median_channel()).reshape({rows, fresh, patch});
    const auto [mean, deviation] = follow(stats, next, unmasked);
    const auto new_tokens = run(normed_patches(next, unmasked, mean, deviation), unmasked);
    outputs = in_units(point_head(last(new_tokens)), last(mean), last(deviation)).squeeze(1);
    further.push_back(outputs);
  }
  if (!further.empty()) decoded.ar_outputs = at::stack(further, 1);
  return decoded;
}

at::Tensor TimesFm::forecast(const ForecastBatch& batch) {
  const auto rows = variate_rows(batch.x_enc);
  TimesFmFlags flags;
  flags.force_flip_invariance = flags.infer_is_positive = false;
  flags.max_context = rows.size(1);
  flags.max_horizon = pred_len_;
  std::vector<at::Tensor> series;
  for (int64_t i = 0; i < rows.size(0); ++i) series.push_back(rows[i]);
  const auto found = forecast_with_flags(series, pred_len_, flags).select(2, median_channel());
  return found.view({batch.x_enc.size(0), -1, pred_len_}).transpose(1, 2);
}

runtime::Losses TimesFm::loss(const ForecastBatch& batch) {
  const auto rows = variate_rows(scored_channels(batch.x_enc, batch.target)),
             truth = variate_rows(batch.target);
  const int64_t patch = options_.input_patch_len, padding = (patch - rows.size(1) % patch) % patch;
  const auto values = at::constant_pad_nd(rows, {padding, 0}).view({rows.size(0), -1, patch});
  const auto mask =
      at::constant_pad_nd(at::zeros_like(rows), {padding, 0}, 1.0).view(values.sizes()).to(at::kBool);
  auto stats = RunningStats::none(rows.size(0), rows.options());
  const auto [means, deviations] = follow(stats, values, mask);
  const auto found = tokens(normed_patches(values, mask, means, deviations), mask, {}, nullptr);
  const auto last = found.output_embeddings.select(1, values.size(1) - 1);
  const auto divisor =
      at::where(stats.deviation < kConstantDeviation, at::ones_like(stats.deviation), stats.deviation);
  const auto scaled = (truth - stats.mean.unsqueeze(-1)) / divisor.unsqueeze(-1);
  auto counted = at::ones_like(scaled);
  if (batch.measured.defined()) counted = variate_rows(batch.measured).to(at::kFloat);
  runtime::Losses losses;
  for (const auto& [name, head] :
       {std::pair("point", point_head(last)), std::pair("quantiles", quantile_head(last))}) {
    const int64_t steps = std::min(head.size(1), scaled.size(1));
    const auto y = scaled.narrow(1, 0, steps), weight = counted.narrow(1, 0, steps);
    const auto out = head.to(at::kFloat).narrow(1, 0, steps).transpose(1, 2);  // [B, K, steps]
    const auto squared = (out.select(1, 0) - y).square();
    const auto pinball = quantile_errors(out.narrow(1, 1, out.size(1) - 1), y, options_.quantiles).mean(1);
    const auto part = ((squared + pinball) * weight).sum() / weight.sum().clamp_min(1.0);
    losses.parts.emplace_back(name, part);
    losses.total = losses.total.defined() ? losses.total + part : part;
  }
  return losses;
}

template <>
std::shared_ptr<Forecaster> make(const TimesFmOptions& options, const SeriesShape& shape) {
  return std::make_shared<TimesFm>(options, shape);
}

}  // namespace arzoo::forecast
