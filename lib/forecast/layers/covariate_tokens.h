#pragma once

#include "forecast/forecaster.h"
#include "forecast/layers/inverted_embedding.h"

namespace arzoo::forecast {

/// Covariates as tokens beside those of the variates, for models whose tokens are whole series: one per
/// covariate that is known ahead, a linear map of its history and its future; one for all static covariates,
/// a linear map of their numbers, which embeds a category as a learned vector. Neither is normalised by the
/// window: a flag that is 0 in the whole history keeps its size where it becomes 1.
class CovariateTokens : public torch::nn::Module {
 public:
  CovariateTokens(const SeriesShape& shape, int64_t d_model, double dropout);
  /// Nothing for a shape without such covariates; else registered in `model` as "covariate_tokens".
  static std::shared_ptr<CovariateTokens> register_in(torch::nn::Module& model, const SeriesShape& shape,
                                                      int64_t d_model, double dropout);
  /// tokens: [B, N, D]; returns [B, N + F + (G > 0), D], the given tokens first. Throws DataError for a batch
  /// without the covariates of the model.
  at::Tensor append(const at::Tensor& tokens, const ForecastBatch& batch);

 private:
  SeriesShape shape_;
  std::shared_ptr<InvertedEmbedding> known_embedding_;
  torch::nn::Linear static_embedding_{nullptr};
};

/// Throws DataError unless the batch has the covariates of the model: [B, L + S, F] and [B, G].
void require_covariates(const ForecastBatch& batch, const SeriesShape& shape);

}  // namespace arzoo::forecast
