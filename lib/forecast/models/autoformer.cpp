#include "forecast/models/autoformer.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include "forecast/forecaster.h"
#include "forecast/layers/autoformer_layers.h"
#include "forecast/layers/covariate_tokens.h"
#include "forecast/layers/embedding.h"
#include "forecast/layers/series_decomposition.h"
#include "runtime/recompute.h"

namespace arzoo::forecast {
namespace {

/// Names of the official state dict: attn_layers, norm.
class SeasonalEncoder : public torch::nn::Module {
 public:
  explicit SeasonalEncoder(const AutoformerOptions& options) {
    auto list = register_module("attn_layers", torch::nn::ModuleList());
    for (int64_t i = 0; i < options.e_layers; ++i) {
      layers_.push_back(
          std::make_shared<SeasonalEncoderLayer>(options, fmt::format("encoder.attn_layers.{}", i)));
      list->push_back(layers_.back());
    }
    norm_ = register_module("norm", std::make_shared<SeasonalNorm>(options.d_model));
  }
  at::Tensor forward(at::Tensor x, const Pass& pass) {
    for (const auto& layer : layers_) {
      const auto run = [layer, pass](const at::Tensor& tokens) { return layer->forward(tokens, pass); };
      x = pass.is_plain() ? runtime::recomputed(x, run) : run(x);
    }
    return norm_->forward(x);
  }

 private:
  std::vector<std::shared_ptr<SeasonalEncoderLayer>> layers_;
  std::shared_ptr<SeasonalNorm> norm_;
};

/// Names of the official state dict: layers, norm, projection.
class SeasonalDecoder : public torch::nn::Module {
 public:
  SeasonalDecoder(const AutoformerOptions& options, int64_t c_out) {
    auto list = register_module("layers", torch::nn::ModuleList());
    for (int64_t i = 0; i < options.d_layers; ++i) {
      layers_.push_back(
          std::make_shared<SeasonalDecoderLayer>(options, c_out, fmt::format("decoder.layers.{}", i)));
      list->push_back(layers_.back());
    }
    norm_ = register_module("norm", std::make_shared<SeasonalNorm>(options.d_model));
    projection_ = register_module("projection", torch::nn::Linear(options.d_model, c_out));
  }
  /// The seasonal forecast [B, L, C] float; `trend` grows.
  at::Tensor forward(at::Tensor x, const at::Tensor& memory, at::Tensor& trend, const Pass& pass) {
    for (const auto& layer : layers_) {
      const auto run = [layer, pass](const std::vector<at::Tensor>& inputs) {
        auto grown = inputs[2];
        const auto seasonal = layer->forward(inputs[0], inputs[1], grown, pass);
        return std::vector{seasonal, grown};
      };
      const std::vector<at::Tensor> inputs{x, memory, trend};
      const auto outputs = pass.is_plain() ? runtime::recomputed(inputs, run) : run(inputs);
      x = outputs[0];
      trend = outputs[1];
    }
    const auto normalised = norm_->forward(x);
    pass.record("decoder.norm", normalised);
    return kernels::linear(normalised.to(projection_->weight.scalar_type()), projection_->weight,
                           projection_->bias)
        .to(at::kFloat);
  }

 private:
  std::vector<std::shared_ptr<SeasonalDecoderLayer>> layers_;
  std::shared_ptr<SeasonalNorm> norm_;
  torch::nn::Linear projection_{nullptr};
};

class Autoformer : public Forecaster {
 public:
  Autoformer(const AutoformerOptions& options, const SeriesShape& shape) : options_(options), shape_(shape) {
    // Where the official code breaks without a word: its "-0:" slice is the whole series.
    if (shape.label_len == 0) fail<ConfigError>("autoformer: label_len must be at least 1, got 0");
    const EmbeddingOptions embedding{
        shape.enc_in,    options.d_model, shape.marks,         options.embed,
        options.dropout, /*bias=*/false,  /*positions=*/false, PositionEmbedding::kOfficialRows,
        shape.known_in,  shape.static_in};
    enc_embedding_ = register_module("enc_embedding", std::make_shared<DataEmbedding>(embedding));
    dec_embedding_ = register_module("dec_embedding", std::make_shared<DataEmbedding>(embedding));
    encoder_ = register_module("encoder", std::make_shared<SeasonalEncoder>(options));
    // Trend and forecast are of all variates: the trend starts from theirs.
    decoder_ = register_module("decoder", std::make_shared<SeasonalDecoder>(options, shape.enc_in));
  }

  at::Tensor forecast(const ForecastBatch& batch) override {
    const Pass pass(batch.trace);
    require_covariates(batch, shape_);
    const auto& x = batch.x_enc;
    const auto parts = decompose(x, options_.moving_avg);
    auto trend = at::cat({last(parts.trend), x.mean(1, true).expand({-1, shape_.pred_len, -1})}, 1);
    const auto seasonal_start = at::constant_pad_nd(last(parts.seasonal), {0, 0, 0, shape_.pred_len});
    const auto embedded = enc_embedding_->forward(x, batch.x_mark_enc, batch.known_enc(), batch.statics);
    const auto memory = encoder_->forward(embedded, pass);
    const auto start =
        dec_embedding_->forward(seasonal_start, batch.x_mark_dec, batch.known_dec(), batch.statics);
    const auto seasonal = decoder_->forward(start, memory, trend, pass);
    pass.record("decomp_seasonal", parts.seasonal);
    pass.record("decomp_trend", parts.trend);
    pass.record("enc_embedding", embedded);
    pass.record("encoder", memory);
    pass.record("decoder", seasonal);
    pass.record("decoder.1", trend);
    return (trend + seasonal).narrow(1, shape_.label_len, shape_.pred_len);
  }

 private:
  at::Tensor last(const at::Tensor& x) const {
    return x.narrow(1, x.size(1) - shape_.label_len, shape_.label_len);
  }

  AutoformerOptions options_;
  SeriesShape shape_;
  std::shared_ptr<DataEmbedding> enc_embedding_, dec_embedding_;
  std::shared_ptr<SeasonalEncoder> encoder_;
  std::shared_ptr<SeasonalDecoder> decoder_;
};

}  // namespace

template <>
std::shared_ptr<Forecaster> make(const AutoformerOptions& options, const SeriesShape& shape) {
  return std::make_shared<Autoformer>(options, shape);
}

}  // namespace arzoo::forecast
