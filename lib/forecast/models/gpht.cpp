#include "forecast/models/gpht.h"

#include <torch/torch.h>

#include "forecast/layers/encoder.h"
#include "forecast/layers/patch_embedding.h"
#include "forecast/layers/window_norm.h"
#include "forecast/next_token_forecaster.h"
#include "kernels/linear.h"

namespace arzoo::forecast {
namespace {

/// One resolution (Sec. 3.3): pooled patches, a causal transformer over them, a head that writes the next
/// token of each patch at full resolution.
class GphtStage : public torch::nn::Module {
 public:
  GphtStage(const GphtOptions& options, int64_t pooling_rate)
      : options_(options), pooling_rate_(pooling_rate) {
    const int64_t width = options.GT_d_model;
    patch_embedding_ = register_module(
        "patch_embedding",
        std::make_shared<PatchEmbedding>(options.token_len / pooling_rate, width, options.dropout));
    std::vector<std::shared_ptr<EncoderLayer>> layers;
    for (int64_t i = 0; i < options.GT_e_layers; ++i) {
      layers.push_back(std::make_shared<EncoderLayer>(
          std::make_shared<FullAttention>(/*causal=*/true, options.dropout),
          EncoderLayerOptions{width, options.n_heads, options.GT_d_ff, options.dropout, options.activation}));
    }
    encoder_ = register_module("encoder", std::make_shared<Encoder>(layers, width));
    forecast_head_ = register_module("forecast_head", torch::nn::Linear(width, options.token_len));
  }

  /// rows: [R, L]; returns [R, L], the next tokens. `encoded` receives [R, tokens, D] when given.
  at::Tensor forward(const at::Tensor& rows, at::Tensor* encoded) {
    const auto pooled =
        pooling_rate_ == 1 ? rows : at::max_pool1d(rows.unsqueeze(1), pooling_rate_).squeeze(1);
    const auto patches = pooled.unflatten(1, {-1, options_.token_len / pooling_rate_});
    const auto tokens = encoder_->forward(patch_embedding_->forward(patches));
    if (encoded != nullptr) *encoded = tokens;
    return kernels::linear(tokens, forecast_head_->weight, forecast_head_->bias).flatten(1).to(at::kFloat);
  }

 private:
  GphtOptions options_;
  int64_t pooling_rate_;
  std::shared_ptr<PatchEmbedding> patch_embedding_;
  std::shared_ptr<Encoder> encoder_;
  torch::nn::Linear forecast_head_{nullptr};
};

class Gpht : public NextTokenForecaster {
 public:
  Gpht(const GphtOptions& options, const SeriesShape& shape)
      : NextTokenForecaster(shape.pred_len), token_len_(options.token_len) {
    auto list = register_module("encoders", torch::nn::ModuleList());
    for (int64_t i = 0; i < options.depth; ++i) {
      stages_.push_back(std::make_shared<GphtStage>(options, options.GT_pooling_rate[i]));
      list->push_back(stages_.back());
    }
  }

  int64_t token_len() const override { return token_len_; }

  at::Tensor next_tokens(const ForecastBatch& batch) override {
    WindowStats stats;
    const auto windows = variate_tokens(batch.x_enc, {}, /*normalise=*/true, stats);  // [B, C, L]
    const auto of_variates = [&](const at::Tensor& rows) {
      return rows.view(windows.sizes()).transpose(1, 2);
    };
    auto left = windows.flatten(0, 1);  // what no stage has explained yet
    at::Tensor forecasts;
    for (std::size_t i = 0; i < stages_.size(); ++i) {
      at::Tensor encoded;
      const auto out = stages_[i]->forward(left, batch.trace != nullptr ? &encoded : nullptr);
      if (batch.trace != nullptr) {
        batch.trace->emplace_back(fmt::format("mid.encoders.{}", i), of_variates(out));
        batch.trace->emplace_back(fmt::format("mid.encoders.{}.encoder", i), encoded);
      }
      forecasts = forecasts.defined() ? forecasts + out : out;
      // A forecast stands one token before what it forecasts; the first token was never forecast.
      if (i + 1 < stages_.size())
        left = left - at::constant_pad_nd(out.narrow(1, 0, out.size(1) - token_len_), {token_len_, 0});
    }
    return denormalise(of_variates(forecasts), stats);
  }

 private:
  int64_t token_len_;
  std::vector<std::shared_ptr<GphtStage>> stages_;
};

}  // namespace

template <>
std::shared_ptr<Forecaster> make(const GphtOptions& options, const SeriesShape& shape) {
  return std::make_shared<Gpht>(options, shape);
}

}  // namespace arzoo::forecast
