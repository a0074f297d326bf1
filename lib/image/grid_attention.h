#pragma once

#include "kernels/rope.h"
#include "nn/kv_cache.h"
#include "nn/linear_layer.h"

/// Attention of FlowAR: positions in a square grid turn queries and keys (RoPE in two dimensions).
namespace arzoo::image {

/// The angles of a grid: the first half of a head turns by the row, the second by the column. A grid of any
/// size spans the same range, [0, 16).
class GridRotary : public torch::nn::Module {
 public:
  explicit GridRotary(int64_t head_width);
  /// Of grids with these sides, one behind the other, in `type`.
  kernels::RopeAngles angles(const std::vector<int64_t>& sides, at::ScalarType type) const;

 private:
  at::Tensor freqs_;  ///< [E / 4]
};

struct GridAttentionOptions {
  int64_t width = 0, heads = 0;
  bool qkv_bias = true;
  double attn_dropout = 0.0;
  bool axial = false;  ///< a token sees its row and its column: the mean of both, of one square grid
};

/// Self-attention over one or several grids.
class GridAttention : public torch::nn::Module {
 public:
  explicit GridAttention(const GridAttentionOptions& options);

  kernels::RopeAngles angles(const std::vector<int64_t>& sides) const {
    return rope_->angles(sides, qkv_->type());
  }
  /// x: [B, L, D]; bias: added to the scores, may be undefined; cache: tokens that were there before, to
  /// which these are added; may be null. Axial attention has neither bias nor cache. Returns [B, L, D].
  at::Tensor forward(const at::Tensor& x, const kernels::RopeAngles& angles, const at::Tensor& bias = {},
                     nn::KvCache* cache = nullptr) const;

 private:
  GridAttentionOptions options_;
  std::shared_ptr<nn::LinearLayer> qkv_, proj_;
  std::shared_ptr<GridRotary> rope_;
};

/// Attention of one grid to another of the same side.
class GridCrossAttention : public torch::nn::Module {
 public:
  /// width: of the queries; condition_width: of what keys and values are made of.
  GridCrossAttention(int64_t width, int64_t condition_width, int64_t heads);

  kernels::RopeAngles angles(const std::vector<int64_t>& sides) const {
    return rope_->angles(sides, q_->type());
  }
  struct KeysValues {
    at::Tensor keys, values;  ///< [B, H, L, E] each, keys rotated
  };
  KeysValues keys_values(const at::Tensor& condition, const kernels::RopeAngles& angles) const;
  /// x: [B, L, D]; returns the same shape.
  at::Tensor forward(const at::Tensor& x, const kernels::RopeAngles& angles, const KeysValues& seen) const;

 private:
  int64_t heads_;
  std::shared_ptr<nn::LinearLayer> q_, kv_, proj_;
  std::shared_ptr<GridRotary> rope_;
};

/// fc2(GELU(fc1_g(x)) * fc1_x(x)) (Shazeer, GLU variants, 2020); the hidden width is 2/3 of mlp_ratio times
/// the token's.
class GegluMlp : public torch::nn::Module {
 public:
  GegluMlp(int64_t width, double mlp_ratio, double dropout);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  double dropout_;
  std::shared_ptr<nn::LinearLayer> fc1_g_, fc1_x_, fc2_;
};

}  // namespace arzoo::image
