#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <vector>

#include "kernels/linear.h"

namespace arzoo::forecast {

struct PreNormOptions {
  int64_t d_model, n_heads, d_ff;
  double dropout;
  kernels::Activation activation;
};

/// Self-attention under the names of PyTorch's MultiheadAttention: one weight for queries, keys and values.
class PackedSelfAttention : public torch::nn::Module {
 public:
  PackedSelfAttention(int64_t d_model, int64_t n_heads, double dropout);
  /// x: [B, L, D]; returns [B, L, D]. Dropout falls on the probabilities.
  at::Tensor forward(const at::Tensor& x);

 private:
  int64_t n_heads_;
  double dropout_;
  at::Tensor in_proj_weight_, in_proj_bias_;
  torch::nn::Linear out_proj_{nullptr};
};

/// Pre-norm transformer layer (Xiong et al. 2020): x + attention(LN x), then x + FFN(LN x). Names,
/// initialisation and places of dropout are those of PyTorch's TransformerEncoderLayer with norm_first.
class PreNormLayer : public torch::nn::Module {
 public:
  explicit PreNormLayer(const PreNormOptions& options);
  /// x: [B, L, D]; returns [B, L, D].
  at::Tensor forward(const at::Tensor& x);

 private:
  double dropout_;
  kernels::Activation activation_;
  std::shared_ptr<PackedSelfAttention> self_attn_;
  torch::nn::Linear linear1_{nullptr}, linear2_{nullptr};
  torch::nn::LayerNorm norm1_{nullptr}, norm2_{nullptr};
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
