#include "forecast/models/chronos2_model.h"

#include <torch/torch.h>

#include <cmath>

#include "forecast/any_length_forecaster.h"
#include "forecast/models/chronos2_prediction.h"
#include "forecast/scores/quantile_levels.h"

namespace arzoo::forecast {
namespace {

constexpr int64_t kRegToken = 1;  // row of the shared table

/// [B, F] cut or padded on the right with NaN to `steps`.
at::Tensor right_padded(const at::Tensor& rows, int64_t steps) {
  const int64_t there = rows.size(1);
  return there >= steps ? rows.narrow(1, 0, steps) : at::constant_pad_nd(rows, {0, steps - there}, NAN);
}

at::Tensor patches_of(const at::Tensor& rows, int64_t size) { return rows.unfold(-1, size, size); }

}  // namespace

/// A batch on its way into the encoder.
struct Chronos2::Tokens {
  RowScale scale;
  at::Tensor all;          ///< [B, N + 1 + n, D]
  at::Tensor mask;         ///< [B, N + 1 + n] bool; undefined where nothing is masked
  at::Tensor future_mask;  ///< [B, n * P]
};

Chronos2::Chronos2(const Chronos2Options& options, const SeriesShape& shape)
    : options_(options), pred_len_(shape.pred_len) {
  const auto activation = t5_activation(options.feed_forward_proj);
  const int64_t width = options.d_model, patch = options.chronos_config.input_patch_size;
  const auto outputs = static_cast<int64_t>(options.chronos_config.quantiles.size()) * patch;
  shared_ = register_module("shared", std::make_shared<T5Shared>(width));
  const auto block = [&](const char* name, int64_t in, int64_t out) {
    return register_module(
        name, std::make_shared<ResidualBlock>(ResidualBlock::Sizes{in, options.d_ff, out}, activation,
                                              /*with_bias=*/true, options.dropout_rate));
  };
  input_patch_embedding_ = block("input_patch_embedding", 3 * patch, width);
  encoder_ = register_module("encoder", std::make_shared<Chronos2Encoder>(options));
  output_patch_embedding_ = block("output_patch_embedding", width, outputs);
  const double factor = options.initializer_factor;
  shared_->initialise(factor);
  input_patch_embedding_->initialise(factor);
  output_patch_embedding_->initialise(factor);
  encoder_->initialise(factor);
}

/// time: [patches, P]; values, mask: [B, patches, P]; returns [B, patches, D].
at::Tensor Chronos2::embedded(const at::Tensor& time, const at::Tensor& values,
                              const at::Tensor& mask) const {
  const auto features = at::cat({time.unsqueeze(0).expand_as(values), values, mask}, -1);
  return input_patch_embedding_->forward(features.to(input_patch_embedding_->type()));
}

Chronos2::Tokens Chronos2::tokens_of(const Chronos2Input& input) const {
  const auto& config = options_.chronos_config;
  const int64_t size = patch(), ahead = input.output_patches * size;
  const auto context = last_columns(input.context.to(at::kFloat), config.context_length);
  const auto counted = input.context_mask.defined() ? last_columns(input.context_mask, config.context_length)
                                                    : context.isnan().logical_not();
  Tokens tokens;
  tokens.scale = row_scale(context);
  const auto scaled = tokens.scale.apply(context, config.use_arcsinh);
  const auto patches = left_padded_patches(scaled, counted, size, size);
  const int64_t rows = context.size(0), known = patches.values.size(1) * size;
  const auto time = at::arange(-known, ahead, context.options()) / static_cast<double>(config.time_scale());
  const auto history = embedded(patches_of(time.narrow(0, 0, known), size), patches.values, patches.mask);
  auto future = at::zeros({rows, ahead}, context.options());
  auto future_mask = future;
  if (input.future_covariates.defined()) {
    const auto given = right_padded(input.future_covariates.to(at::kFloat), ahead);
    tokens.future_mask = given.isnan().logical_not().to(at::kFloat);
    future_mask = tokens.future_mask;
    future = tokens.scale.apply(given, config.use_arcsinh).nan_to_num(0.0);
  }
  const auto coming = embedded(patches_of(time.narrow(0, known, ahead), size), patches_of(future, size),
                               patches_of(future_mask, size));
  if (input.trace != nullptr) {
    input.trace->emplace_back("mid.input_patch_embedding.context", history);
    input.trace->emplace_back("mid.input_patch_embedding.future", coming);
  }
  tokens.all = at::cat({history, shared_->token(kRegToken, rows).to(history.scalar_type()), coming}, 1);
  if (!patches.any.all().item<bool>())
    tokens.mask = at::constant_pad_nd(patches.any, {0, 1 + input.output_patches}, /*value=*/1);
  return tokens;
}

Chronos2Output Chronos2::run(const Chronos2Input& input) const {
  const auto tokens = tokens_of(input);
  const auto groups = input.group_ids.defined() ? RowGroups(input.group_ids) : RowGroups(tokens.all.size(0));
  // A trace shows all tokens.
  const auto wanted = input.trace != nullptr ? tokens.all.size(1) : input.output_patches;
  const auto encoded = encoder_->forward(tokens.all, tokens.mask, groups, wanted, input.trace);
  const auto out = output_patch_embedding_->forward(
      encoded.narrow(1, encoded.size(1) - input.output_patches, input.output_patches));
  if (input.trace != nullptr) input.trace->emplace_back("mid.output_patch_embedding", out);
  const int64_t rows = out.size(0), steps = input.output_patches * patch();
  const auto by_quantile =
      out.to(at::kFloat)
          .view({rows, input.output_patches, static_cast<int64_t>(levels().size()), patch()})
          .transpose(1, 2)
          .reshape({rows, -1, steps});
  return {tokens.scale, by_quantile, tokens.future_mask};
}

at::Tensor Chronos2::quantiles(const Chronos2Input& input) const {
  const auto output = run(input);
  return output.scale.invert(output.normalised, options_.chronos_config.use_arcsinh);
}

Chronos2Embedding Chronos2::embed(const Chronos2Input& input) const {
  const auto tokens = tokens_of(input);
  const auto groups = input.group_ids.defined() ? RowGroups(input.group_ids) : RowGroups(tokens.all.size(0));
  return {encoder_->forward(tokens.all, tokens.mask, groups, tokens.all.size(1), input.trace), tokens.scale};
}

at::Tensor Chronos2::official_loss(const Chronos2Input& input, const at::Tensor& target) const {
  const auto output = run(input);
  const auto truth = right_padded(target.to(at::kFloat), output.normalised.size(2));
  auto counted = truth.isnan().logical_not().to(at::kFloat);
  if (output.future_mask.defined()) counted = counted * (1.0 - output.future_mask);
  const auto scaled = output.scale.apply(truth, options_.chronos_config.use_arcsinh).nan_to_num(0.0);
  const auto errors = quantile_errors(output.normalised, scaled, levels()) * counted.unsqueeze(1);
  return errors.mean(-1).sum(-1).mean();
}

/// The rows of a window: its variates, then the covariates known ahead.
Chronos2Input Chronos2::input_of(const ForecastBatch& batch) const {
  Chronos2Input input;
  const int64_t windows = batch.x_enc.size(0), steps = batch.x_enc.size(1);
  auto history = batch.x_enc;
  if (batch.known.defined()) {
    history = at::cat({history, batch.known.narrow(1, 0, steps)}, 2);
    const auto ahead = batch.known.narrow(1, steps, batch.known.size(1) - steps);
    const auto unknown = at::full({windows, ahead.size(1), batch.x_enc.size(2)}, NAN, ahead.options());
    input.future_covariates = variate_rows(at::cat({unknown, ahead}, 2));
  }
  input.context = variate_rows(history);
  if (history.size(2) > 1)
    input.group_ids = at::arange(windows, at::TensorOptions(history.device()).dtype(at::kLong))
                          .repeat_interleave(history.size(2));
  input.output_patches = (pred_len_ + patch() - 1) / patch();
  input.trace = batch.trace;
  return input;
}

at::Tensor Chronos2::forecast(const ForecastBatch& batch) {
  const auto input = input_of(batch);
  UnrollOptions options;
  options.max_output_patches = options_.chronos_config.max_output_patches;
  const auto all = is_training() ? quantiles(input)
                                 : unrolled_quantiles(*this, input, pred_len_, options);  // [rows, Q, S]
  const auto median = interpolated_levels(all.transpose(1, 2), levels(), {0.5}).squeeze(-1);
  return median.narrow(1, 0, pred_len_)
      .view({batch.x_enc.size(0), -1, pred_len_})
      .narrow(1, 0, batch.x_enc.size(2))
      .transpose(1, 2);
}

runtime::Losses Chronos2::loss(const ForecastBatch& batch) {
  const int64_t targets = batch.target.size(2), past_only = batch.x_enc.size(2) - targets;
  auto truth = batch.target;
  if (batch.measured.defined()) truth = truth.masked_fill(batch.measured.logical_not(), NAN);
  // Past covariates stand before the targets, covariates known ahead behind them.
  const int64_t known = batch.known.defined() ? batch.known.size(2) : 0;
  truth = at::constant_pad_nd(truth, {past_only, known}, NAN);
  return {official_loss(input_of(batch), variate_rows(truth))};
}

void Chronos2::configure(const Config& options) { forecast_options_ = options.as<Chronos2ForecastOptions>(); }

std::vector<ZeroShotForecast> Chronos2::forecast_series(std::span<const ZeroShotSeries> series,
                                                        const ZeroShotRequest& request) {
  check_series(series, request);
  check_levels(levels(), Chronos2Options::kName, request);
  return predict_chronos2(*this, series, request, forecast_options_);
}

template <>
std::shared_ptr<Forecaster> make(const Chronos2Options& options, const SeriesShape& shape) {
  return std::make_shared<Chronos2>(options, shape);
}

}  // namespace arzoo::forecast
