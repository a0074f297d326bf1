#pragma once

#include <torch/nn/module.h>

#include <string>
#include <vector>

#include "nn/transformer_block.h"

namespace arzoo::forecast {

struct PreNormOptions {
  int64_t d_model, n_heads, d_ff;
  double dropout;
  std::string activation;  ///< a name of nn::BlockOptions::feed_forward
};

/// Pre-norm transformer layer (Xiong et al. 2020; nn/transformer_block.h). Names, initialisation and places
/// of dropout are those of PyTorch's TransformerEncoderLayer with norm_first, whose attention is a
/// MultiheadAttention: one weight for queries, keys and values.
class PreNormLayer : public torch::nn::Module {
 public:
  explicit PreNormLayer(const PreNormOptions& options);
  /// x: [B, L, D]; returns [B, L, D].
  at::Tensor forward(const at::Tensor& x);

 private:
  nn::TransformerBlock block_;
  nn::BlockWeights weights_;  ///< the parameters themselves
};

/// A stack of pre-norm layers, `layers.i`, without a norm at its end. All start as copies of one layer, as
/// PyTorch's TransformerEncoder makes them.
class PreNormEncoder : public torch::nn::Module {
 public:
  PreNormEncoder(int64_t layers, const PreNormOptions& options);
  /// x: [B, L, D]; returns [B, L, D].
  at::Tensor forward(at::Tensor x);

 private:
  std::vector<std::shared_ptr<PreNormLayer>> layers_;
};

}  // namespace arzoo::forecast
