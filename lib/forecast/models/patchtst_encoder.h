#pragma once

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/linear.h>

#include <vector>

#include "forecast/models/patchtst.h"

namespace arzoo::forecast {

/// Batch norm over the features of tokens; state-dict name `1.*`, as the official code has it between two
/// transpositions.
class TokenBatchNorm : public torch::nn::Module {
 public:
  explicit TokenBatchNorm(int64_t d_model);
  /// x, y: [B, P, D]; returns norm(x + dropout(y)).
  at::Tensor forward(const at::Tensor& x, const at::Tensor& y, double dropout);

 private:
  torch::nn::BatchNorm1d norm_{nullptr};
};

/// Attention whose scores are added to those of the layer before (He et al., RealFormer, ACL 2021).
class ResidualAttention : public torch::nn::Module {
 public:
  explicit ResidualAttention(const PatchTstOptions& options);
  /// x: [B, P, D]; returns [B, P, D]. scores: [B, H, P, P], the layer before's (undefined in the first one);
  /// becomes this layer's if `keep`.
  at::Tensor forward(const at::Tensor& x, at::Tensor& scores, bool keep);

 private:
  int64_t n_heads_;
  double dropout_;
  torch::nn::Linear query_{nullptr}, key_{nullptr}, value_{nullptr}, out_{nullptr};
};

/// PatchTST's encoder layer: post-norm with batch norm.
class PatchTstLayer : public torch::nn::Module {
 public:
  explicit PatchTstLayer(const PatchTstOptions& options);
  /// As ResidualAttention.
  at::Tensor forward(const at::Tensor& x, at::Tensor& scores, bool keep);

 private:
  double dropout_;
  std::shared_ptr<ResidualAttention> self_attn_;
  std::shared_ptr<TokenBatchNorm> norm_attn_, norm_ffn_;
  torch::nn::Linear linear1_{nullptr}, linear2_{nullptr};
};

}  // namespace arzoo::forecast
