#pragma once

#include "kernels/modulated_norm.h"
#include "nn/linear_layer.h"
#include "nn/transformer_block.h"

/// The blocks of the Vision Transformer (Dosovitskiy et al., ICLR 2021) under the names of timm.
namespace arzoo::nn {

struct VitOptions {
  int64_t width = 0, heads = 0;
  double mlp_ratio = 4.0;
  double norm_eps = 1e-6;
  double attn_dropout = 0.0;  ///< on the probabilities
  double proj_dropout = 0.0;  ///< after each of the other linear maps
};

/// Layer normalisation with weight and bias, [D] each.
class VitNorm : public torch::nn::Module {
 public:
  VitNorm(int64_t width, double eps);

  at::Tensor forward(const at::Tensor& x) const;
  /// The same as a modulation, for inference.
  kernels::Modulation modulation() const;
  Affine affine() const { return {weight_, bias_}; }
  double eps() const { return eps_; }
  void initialise();

 private:
  double eps_;
  at::Tensor weight_, bias_;
};

/// x += attention(norm1(x)); x += fc2(GELU(fc1(norm2(x)))) (nn/transformer_block.h). The rows of qkv are all
/// of q, then of k, then of v.
class VitBlock : public torch::nn::Module {
 public:
  explicit VitBlock(const VitOptions& options);
  /// x: [B, L, D]; returns the same shape. Under autograd, or for a single block.
  at::Tensor forward(const at::Tensor& x) const;
  /// The branches of normalised tokens. wanted: [B, Q] long, those whose results are asked for; undefined for
  /// all. x: [B, L, D]; returns [B, L or Q, D].
  at::Tensor attention(const at::Tensor& x, const at::Tensor& wanted = {}) const;
  at::Tensor mlp(const at::Tensor& x) const;

  const VitNorm& norm1() const { return *norm1_; }
  const VitNorm& norm2() const { return *norm2_; }

 private:
  BlockWeights weights() const;

  TransformerBlock block_;
  std::shared_ptr<VitNorm> norm1_, norm2_;
  std::shared_ptr<LinearLayer> qkv_, proj_, fc1_, fc2_;
};

/// The tokens at `index` [B, Q] of x [B, L, D]: [B, Q, D].
at::Tensor tokens_at(const at::Tensor& x, const at::Tensor& index);

/// Blocks and the norm after them, which their owner holds under its own names.
class VitStack {
 public:
  VitStack() = default;
  VitStack(int64_t depth, const VitOptions& options);
  /// Registers them as `blocks`.0, `blocks`.1, … and `norm`.
  void register_in(torch::nn::Module& owner, const char* blocks, const char* norm) const;

  /// The normalised result, [B, L, D] fp32. In inference the sums and norms between branches are one pass,
  /// linear maps are in `type`, and x is changed in place. wanted: [B, Q] long, the only tokens that are
  /// asked for: [B, Q, D].
  at::Tensor forward(at::Tensor x, at::ScalarType type, const at::Tensor& wanted = {}) const;

  const std::vector<std::shared_ptr<VitBlock>>& blocks() const { return blocks_; }
  /// The type of the blocks' linear maps, for inference.
  void set_type(at::ScalarType type) const;

 private:
  at::Tensor infer(at::Tensor x, at::ScalarType type, const at::Tensor& wanted) const;

  std::vector<std::shared_ptr<VitBlock>> blocks_;
  std::shared_ptr<VitNorm> norm_;
};

}  // namespace arzoo::nn
