#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>

namespace arzoo::forecast {

/// The whole window of a variate as one token (Liu et al., iTransformer, Sec. 3.1, "inverted" embedding): a
/// linear map over time and dropout.
class InvertedEmbedding : public torch::nn::Module {
 public:
  InvertedEmbedding(int64_t steps, int64_t d_model, double dropout);
  /// windows: [B, N, steps]; returns [B, N, D] in the weights' type.
  at::Tensor forward(const at::Tensor& windows);

 private:
  double dropout_;
  torch::nn::Linear value_embedding_{nullptr};
};

}  // namespace arzoo::forecast
