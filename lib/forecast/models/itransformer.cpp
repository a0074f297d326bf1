#include "forecast/models/itransformer.h"

#include <torch/torch.h>

#include "forecast/forecaster.h"
#include "forecast/layers/covariate_tokens.h"
#include "forecast/layers/encoder.h"
#include "forecast/layers/inverted_embedding.h"
#include "forecast/layers/window_norm.h"
#include "kernels/linear.h"
#include "runtime/other_names.h"

namespace arzoo::forecast {
namespace {

class ITransformer : public Forecaster, public runtime::OtherNames {
 public:
  ITransformer(const ITransformerOptions& options, const SeriesShape& shape) : use_norm_(options.use_norm) {
    enc_embedding_ = register_module("enc_embedding", std::make_shared<InvertedEmbedding>(
                                                          shape.seq_len, options.d_model, options.dropout));
    std::vector<std::shared_ptr<EncoderLayer>> layers;
    for (int64_t i = 0; i < options.e_layers; ++i) {
      layers.push_back(
          std::make_shared<EncoderLayer>(std::make_shared<FullAttention>(/*causal=*/false, options.dropout),
                                         EncoderLayerOptions{options.d_model, options.n_heads, options.d_ff,
                                                             options.dropout, options.activation}));
    }
    encoder_ = register_module("encoder", std::make_shared<Encoder>(layers, options.d_model));
    projector_ = register_module("projector", torch::nn::Linear(options.d_model, shape.pred_len));
    covariates_ = CovariateTokens::register_in(*this, shape, options.d_model, options.dropout);
  }

  /// The Time-Series-Library's class of the same model.
  std::vector<std::pair<std::string, std::string>> other_names() const override {
    return {{"projection.", "projector."}};
  }

  at::Tensor forecast(const ForecastBatch& batch) override {
    WindowStats stats;
    auto tokens = enc_embedding_->forward(variate_tokens(batch.x_enc, batch.x_mark_enc, use_norm_, stats));
    if (covariates_) tokens = covariates_->append(tokens, batch);
    const auto projected =
        kernels::linear(encoder_->forward(tokens, batch.trace), projector_->weight, projector_->bias)
            .to(at::kFloat);
    if (batch.trace != nullptr) {
      batch.trace->emplace_back("mid.enc_embedding", tokens);
      batch.trace->emplace_back("mid.projector", projected);
    }
    // Calendar and covariate tokens took part in the attention; they forecast nothing.
    return denormalise(projected.narrow(1, 0, batch.x_enc.size(2)).transpose(1, 2), stats);
  }

 private:
  bool use_norm_;
  std::shared_ptr<InvertedEmbedding> enc_embedding_;
  std::shared_ptr<Encoder> encoder_;
  torch::nn::Linear projector_{nullptr};
  std::shared_ptr<CovariateTokens> covariates_;  ///< null without covariates known ahead and static ones
};

}  // namespace

template <>
std::shared_ptr<Forecaster> make(const ITransformerOptions& options, const SeriesShape& shape) {
  return std::make_shared<ITransformer>(options, shape);
}

}  // namespace arzoo::forecast
