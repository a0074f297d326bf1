#include "forecast/models/chronos_bolt_model.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "forecast/any_length_forecaster.h"
#include "forecast/data/length_batches.h"
#include "forecast/scores/quantile_levels.h"

namespace arzoo::forecast {
namespace {

constexpr int64_t kDecoderStart = 0, kBoltRegToken = 1;  // rows of the shared table
constexpr int64_t kMostBoltTokens = 16384;               // of a batch

}  // namespace

ChronosBolt::ChronosBolt(const ChronosBoltOptions& options, const SeriesShape& shape)
    : options_(options), pred_len_(shape.pred_len) {
  const auto& config = options.chronos_config;
  const auto block = [&](const char* name, int64_t in, int64_t out) {
    const ResidualBlock::Sizes sizes{in, options.d_ff, out};
    return register_module(name,
                           std::make_shared<ResidualBlock>(sizes, t5_activation(options.feed_forward_proj),
                                                           /*with_bias=*/true, options.dropout_rate));
  };
  shared_ = register_module("shared", std::make_shared<T5Shared>(options.d_model));
  input_patch_embedding_ = block("input_patch_embedding", 2 * config.input_patch_size, options.d_model);
  encoder_ = register_module("encoder", std::make_shared<BoltStack>(options, /*is_decoder=*/false));
  decoder_ = register_module("decoder", std::make_shared<BoltStack>(options, /*is_decoder=*/true));
  output_patch_embedding_ = block("output_patch_embedding", options.d_model,
                                  static_cast<int64_t>(config.quantiles.size()) * config.prediction_length);
  const double factor = options.initializer_factor;
  shared_->initialise(factor);
  input_patch_embedding_->initialise(factor);
  output_patch_embedding_->initialise(factor);
  encoder_->initialise(factor);
  decoder_->initialise(factor);
}

ChronosBolt::Encoded ChronosBolt::encode(const at::Tensor& context, runtime::Trace* trace) const {
  const auto& config = options_.chronos_config;
  const auto rows = last_columns(context.to(at::kFloat), config.context_length);
  Encoded encoded;
  encoded.scale = row_scale(rows);
  const auto patches =
      left_padded_patches(encoded.scale.apply(rows, /*arcsinh=*/false), rows.isnan().logical_not(),
                          config.input_patch_size, config.input_patch_stride);
  const auto features = at::cat({patches.values, patches.mask}, -1);
  auto tokens = input_patch_embedding_->forward(features.to(input_patch_embedding_->type()));
  if (trace != nullptr) trace->emplace_back("mid.input_patch_embedding", tokens);
  if (!patches.any.all().item<bool>()) encoded.mask = patches.any;
  if (config.use_reg_token) {
    tokens = at::cat({tokens, shared_->token(kBoltRegToken, tokens.size(0))}, 1);
    if (encoded.mask.defined()) encoded.mask = at::constant_pad_nd(encoded.mask, {0, 1}, /*value=*/1);
  }
  encoded.tokens = encoder_->encode(tokens, encoded.mask, trace);
  return encoded;
}

BoltOutput ChronosBolt::run(const at::Tensor& context, runtime::Trace* trace) const {
  const auto encoded = encode(context, trace);
  const auto start = shared_->token(kDecoderStart, context.size(0));
  const auto decoded = decoder_->decode(start, encoded.tokens, encoded.mask, trace);
  const auto out = output_patch_embedding_->forward(decoded);
  if (trace != nullptr) trace->emplace_back("mid.output_patch_embedding", out);
  return {encoded.scale,
          out.to(at::kFloat).view({context.size(0), static_cast<int64_t>(levels().size()), -1})};
}

std::pair<at::Tensor, RowScale> ChronosBolt::embed(const at::Tensor& context) const {
  const auto encoded = encode(context, nullptr);
  return {encoded.tokens, encoded.scale};
}

at::Tensor ChronosBolt::quantiles(const at::Tensor& context) const {
  const auto output = run(context);
  return output.scale.invert(output.normalised, /*arcsinh=*/false);
}

at::Tensor ChronosBolt::unrolled(const at::Tensor& context, int64_t horizon) const {
  const torch::NoGradGuard no_grad;
  const auto count = static_cast<int64_t>(levels().size()), steps = options_.chronos_config.prediction_length;
  auto rows = last_columns(context, context_length());
  std::vector<at::Tensor> parts{quantiles(rows)};
  if (horizon > steps) rows = rows.repeat_interleave(count, 0);  // [B * Q, T]
  for (int64_t done = steps; done < horizon; done += steps) {
    rows = last_columns(at::cat({rows, parts.back().flatten(0, 1)}, 1), context_length());
    const auto samples = quantiles(rows).view({-1, count * count, steps}).transpose(1, 2);  // [B, H, Q * Q]
    parts.push_back(sample_quantiles(samples, levels()).transpose(1, 2));
  }
  return at::cat(parts, 2).narrow(2, 0, horizon);
}

at::Tensor ChronosBolt::official_loss(const at::Tensor& context, const at::Tensor& target) const {
  const auto output = run(context);
  const int64_t missing = output.normalised.size(2) - target.size(1);
  const auto truth = at::constant_pad_nd(target.to(at::kFloat), {0, missing}, NAN);
  const auto counted = truth.isnan().logical_not().to(at::kFloat);
  const auto scaled = output.scale.apply(truth, /*arcsinh=*/false).nan_to_num(0.0);
  const auto errors = quantile_errors(output.normalised, scaled, levels()) * counted.unsqueeze(1);
  return errors.mean(1).sum(-1).mean();
}

at::Tensor ChronosBolt::forecast(const ForecastBatch& batch) {
  const auto rows = variate_rows(batch.x_enc);
  const auto all = is_training() ? quantiles(rows) : unrolled(rows, pred_len_);
  const auto median = bolt_levels(all.transpose(1, 2), levels(), {0.5}).squeeze(-1).narrow(1, 0, pred_len_);
  return median.view({batch.x_enc.size(0), -1, pred_len_}).transpose(1, 2);
}

runtime::Losses ChronosBolt::loss(const ForecastBatch& batch) {
  auto truth = batch.target;
  if (batch.measured.defined()) truth = truth.masked_fill(batch.measured.logical_not(), NAN);
  const auto seen = scored_channels(batch.x_enc, truth);
  const auto steps = std::min(truth.size(1), options_.chronos_config.prediction_length);
  return {official_loss(variate_rows(seen), variate_rows(truth.narrow(1, 0, steps)))};
}

std::vector<ZeroShotForecast> ChronosBolt::forecast_series(std::span<const ZeroShotSeries> series,
                                                           const ZeroShotRequest& request) {
  check_series(series, request);
  check_abilities(abilities(), ChronosBoltOptions::kName, series, request);
  check_levels(levels(), ChronosBoltOptions::kName, request);
  std::vector<at::Tensor> rows;
  std::vector<int64_t> lengths, first{0};
  const auto patch = options_.chronos_config.input_patch_size;
  const bool unrolls = request.horizon > options_.chronos_config.prediction_length;
  for (const auto& one : series) {
    for (int64_t v = 0; v < one.targets.size(0); ++v) {
      rows.push_back(last_columns(one.targets[v], context_length()));
      const auto tokens = (rows.back().size(0) + patch - 1) / patch + 2;
      lengths.push_back(unrolls ? tokens * static_cast<int64_t>(levels().size()) : tokens);
    }
    first.push_back(static_cast<int64_t>(rows.size()));
  }
  std::vector<at::Tensor> found(rows.size());
  for (const auto& members :
       length_batches(lengths, 0, static_cast<std::size_t>(forecast_options_.batch_size), kMostBoltTokens)) {
    std::vector<at::Tensor> batch;
    for (const auto i : members) batch.push_back(rows[i]);
    const auto all =
        unrolled(left_padded_rows(batch).to(request.device), request.horizon).to(at::kCPU, at::kFloat);
    for (std::size_t i = 0; i < members.size(); ++i) found[members[i]] = all[static_cast<int64_t>(i)];
  }
  std::vector<ZeroShotForecast> forecasts;
  for (std::size_t i = 0; i < series.size(); ++i) {
    const auto by_step =
        at::stack(std::vector<at::Tensor>(found.begin() + first[i], found.begin() + first[i + 1]))
            .transpose(1, 2);
    ZeroShotForecast forecast;
    forecast.point = bolt_levels(by_step, levels(), {0.5}).squeeze(-1);
    if (!request.levels.empty())
      forecast.quantiles = bolt_levels(by_step, levels(), request.levels).transpose(1, 2);
    forecasts.push_back(std::move(forecast));
  }
  return forecasts;
}

at::Tensor bolt_levels(const at::Tensor& quantiles, const std::vector<double>& levels,
                       const std::vector<double>& wanted) {
  const bool all_own = std::all_of(wanted.begin(), wanted.end(),
                                   [&](double level) { return place_of_level(levels, level) >= 0; });
  if (all_own) return interpolated_levels(quantiles, levels, wanted);
  const int64_t last = quantiles.size(-1) - 1;
  return sample_quantiles(at::cat({quantiles.narrow(-1, 0, 1), quantiles, quantiles.narrow(-1, last, 1)}, -1),
                          wanted);
}

template <>
std::shared_ptr<Forecaster> make(const ChronosBoltOptions& options, const SeriesShape& shape) {
  return std::make_shared<ChronosBolt>(options, shape);
}

}  // namespace arzoo::forecast
