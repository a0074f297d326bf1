#include "forecast/layers/covariate_tokens.h"

#include <torch/torch.h>

#include "core/error.h"
#include "kernels/linear.h"

namespace arzoo::forecast {

CovariateTokens::CovariateTokens(const SeriesShape& shape, int64_t d_model, double dropout) : shape_(shape) {
  if (shape.known_in > 0)
    known_embedding_ = register_module(
        "known_embedding",
        std::make_shared<InvertedEmbedding>(shape.seq_len + shape.pred_len, d_model, dropout));
  if (shape.static_in > 0)
    static_embedding_ = register_module("static_embedding", torch::nn::Linear(shape.static_in, d_model));
}

std::shared_ptr<CovariateTokens> CovariateTokens::register_in(torch::nn::Module& model,
                                                              const SeriesShape& shape, int64_t d_model,
                                                              double dropout) {
  if (shape.known_in == 0 && shape.static_in == 0) return nullptr;
  return model.register_module("covariate_tokens",
                               std::make_shared<CovariateTokens>(shape, d_model, dropout));
}

at::Tensor CovariateTokens::append(const at::Tensor& tokens, const ForecastBatch& batch) {
  require_covariates(batch, shape_);
  std::vector<at::Tensor> all{tokens};
  if (known_embedding_) all.push_back(known_embedding_->forward(batch.known.transpose(1, 2)));
  if (static_embedding_) {
    const auto& weight = static_embedding_->weight;
    all.push_back(kernels::linear(batch.statics.to(weight.scalar_type()), weight, static_embedding_->bias)
                      .unsqueeze(1));
  }
  return at::cat(all, 1);
}

void require_covariates(const ForecastBatch& batch, const SeriesShape& shape) {
  const int64_t steps = shape.seq_len + shape.pred_len;
  const bool known = shape.known_in == 0 || (batch.known.defined() && batch.known.size(1) == steps &&
                                             batch.known.size(2) == shape.known_in);
  if (!known)
    fail<DataError>("the window lacks {} covariates known for {} steps, which the model was built for",
                    shape.known_in, steps);
  const bool statics =
      shape.static_in == 0 || (batch.statics.defined() && batch.statics.size(1) == shape.static_in);
  if (!statics)
    fail<DataError>("the window lacks {} static covariates, which the model was built for", shape.static_in);
}

}  // namespace arzoo::forecast
