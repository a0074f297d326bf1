#include "forecast/models/timae.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "forecast/forecaster.h"
#include "forecast/layers/pre_norm_encoder.h"
#include "forecast/reconstructor.h"
#include "kernels/dropout.h"
#include "kernels/linear.h"
#include "nn/position_table.h"
#include "nn/seeded_noise.h"
#include "nn/visible_tokens.h"

namespace arzoo::forecast {
namespace {

torch::nn::LayerNorm norm_of(int64_t width) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width}));
}

/// Xavier's initialisation of every linear layer, those within attention included.
void initialise(torch::nn::Module& model) {
  torch::NoGradGuard no_grad;
  for (auto& parameter : model.named_parameters()) {
    if (parameter.value().dim() == 2) torch::nn::init::xavier_uniform_(parameter.value());
  }
  for (const auto& module : model.modules(/*include_self=*/false)) {
    if (const auto* linear = module->as<torch::nn::Linear>()) torch::nn::init::zeros_(linear->bias);
  }
}

/// Features of all steps to forecasts: over time, then over the width.
class LinearRegressor : public torch::nn::Module {
 public:
  LinearRegressor(const SeriesShape& shape, int64_t d_model) {
    time_ = register_module("time", torch::nn::Linear(shape.seq_len, shape.pred_len));
    variates_ = register_module("variates", torch::nn::Linear(d_model, shape.enc_in));
  }
  /// x: [B, L, D]; returns [B, S, C].
  at::Tensor forward(const at::Tensor& x) {
    const auto ahead = kernels::linear(x.transpose(1, 2), time_->weight, time_->bias).transpose(1, 2);
    return kernels::linear(ahead, variates_->weight, variates_->bias);
  }

 private:
  torch::nn::Linear time_{nullptr}, variates_{nullptr};
};

class TiMae : public Forecaster, public Reconstructor {
 public:
  TiMae(const TiMaeOptions& options, const SeriesShape& shape) : options_(options), shape_(shape) {
    const int64_t width = options.d_model, inner = options.decoder_d_model,
                  length = shape.seq_len + shape.pred_len;
    embedding_ = register_module(
        "embedding", torch::nn::Conv1d(torch::nn::Conv1dOptions(shape.enc_in, width, 3).padding(1)));
    encoder_ = register_module(
        "encoder",
        std::make_shared<PreNormEncoder>(
            options.e_layers, PreNormOptions{width, options.n_heads, options.d_ff, options.dropout, "gelu"}));
    encoder_norm_ = register_module("encoder_norm", norm_of(width));
    positions_ = nn::position_table(length, width);
    if (options.head == "linear") {
      regressor_ = register_module("regressor", std::make_shared<LinearRegressor>(shape, width));
    } else {
      decoder_embedding_ = register_module("decoder_embedding", torch::nn::Linear(width, inner));
      mask_token_ = register_parameter("mask_token", at::zeros({1, 1, inner}));
      decoder_ = register_module(
          "decoder", std::make_shared<PreNormEncoder>(
                         options.d_layers, PreNormOptions{inner, options.decoder_n_heads,
                                                          options.decoder_d_ff, options.dropout, "gelu"}));
      decoder_norm_ = register_module("decoder_norm", norm_of(inner));
      projection_ = register_module("projection", torch::nn::Linear(inner, shape.enc_in));
      decoder_positions_ = nn::position_table(length, inner);
    }
    initialise(*this);
  }

  at::Tensor forecast(const ForecastBatch& batch) override {
    const int64_t samples = batch.x_enc.size(0);
    if (regressor_ != nullptr) {
      const auto all = nn::keep_beginning(samples, shape_.seq_len, shape_.seq_len);
      return regressor_->forward(encode(batch.x_enc, all)).to(at::kFloat);
    }
    const auto whole = at::constant_pad_nd(batch.x_enc, {0, 0, 0, shape_.pred_len});
    const auto history = nn::keep_beginning(samples, whole.size(1), shape_.seq_len);
    return reconstruct(whole, history).narrow(1, shape_.seq_len, shape_.pred_len).to(at::kFloat);
  }

  int64_t longest_window() const override {
    return regressor_ != nullptr ? 0 : shape_.seq_len + shape_.pred_len;
  }
  int64_t least_visible(int64_t length) const override { return kept_steps(length); }
  at::Tensor reconstructed(const at::Tensor& x, const nn::VisibleTokens& visible) override {
    return reconstruct(x, visible).to(at::kFloat);
  }

  runtime::Losses loss(const ForecastBatch& batch) override {
    if (regressor_ != nullptr) return Forecaster::loss(batch);
    const auto whole = at::cat({batch.x_enc, batch.target}, 1);
    const auto visible =
        nn::keep_first_of(nn::random_orders(whole.size(0), whole.size(1)), kept_steps(whole.size(1)));
    const auto errors = (reconstruct(whole, visible).to(at::kFloat) - whole).square().mean(-1);  // [B, L]
    const auto masked = visible.masked().to(errors.device());
    return {errors.masked_select(masked).mean()};
  }

 private:
  /// As many as the ratio leaves, and neither none nor all.
  int64_t kept_steps(int64_t length) const {
    const auto visible = std::llround((1.0 - options_.mask_ratio) * static_cast<double>(length));
    return std::clamp<int64_t>(visible, 1, std::max<int64_t>(1, length - 1));
  }

  /// Encodes the visible steps: [B, L, C] → [B, K, D].
  at::Tensor encode(const at::Tensor& x, const nn::VisibleTokens& visible) {
    const auto seen = x.masked_fill(visible.masked().to(x.device()).unsqueeze(-1), 0.0);
    const auto values = seen.to(embedding_->weight.scalar_type()).transpose(1, 2);
    const auto tokens = at::conv1d(values, embedding_->weight, embedding_->bias, 1, 1).transpose(1, 2);
    const auto placed = tokens + positions_.narrow(0, 0, x.size(1)).to(tokens.options());
    return encoder_norm_(encoder_->forward(
        kernels::dropout(nn::visible_tokens(placed, visible), options_.dropout, is_training())));
  }

  /// All steps, the masked ones reconstructed from the visible ones: [B, L, C] → [B, L, C].
  at::Tensor reconstruct(const at::Tensor& x, const nn::VisibleTokens& visible) {
    const auto encoded =
        kernels::linear(encode(x, visible), decoder_embedding_->weight, decoder_embedding_->bias);
    const auto tokens = nn::restored_tokens(encoded, mask_token_, visible);
    const auto placed = tokens + decoder_positions_.narrow(0, 0, x.size(1)).to(tokens.options());
    const auto decoded = decoder_norm_(decoder_->forward(placed));
    return kernels::linear(decoded, projection_->weight, projection_->bias);
  }

  TiMaeOptions options_;
  SeriesShape shape_;
  // Not part of the checkpoint: a table serves any length.
  at::Tensor positions_, decoder_positions_;
  torch::nn::Conv1d embedding_{nullptr};
  std::shared_ptr<PreNormEncoder> encoder_, decoder_;
  torch::nn::LayerNorm encoder_norm_{nullptr}, decoder_norm_{nullptr};
  std::shared_ptr<LinearRegressor> regressor_;
  torch::nn::Linear decoder_embedding_{nullptr}, projection_{nullptr};
  at::Tensor mask_token_;
};

}  // namespace

template <>
std::shared_ptr<Forecaster> make(const TiMaeOptions& options, const SeriesShape& shape) {
  return std::make_shared<TiMae>(options, shape);
}

}  // namespace arzoo::forecast
