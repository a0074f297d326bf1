#pragma once

#include <memory>
#include <vector>

#include "forecast/models/timesfm.h"
#include "kernels/attention.h"
#include "kernels/rope.h"
#include "nn/kv_cache.h"
#include "nn/linear_layer.h"

/// The layers of TimesFM 2.5. Shapes: `B` rows, `T` new patches, `D` model_dims, `H` heads, `E` head size.
namespace arzoo::forecast {

/// nn::rms_norm whose weight is called "scale".
class TimesFmNorm : public torch::nn::Module {
 public:
  explicit TimesFmNorm(int64_t width);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  at::Tensor scale_;
};

/// One factor per dimension of a head, before softplus.
class PerDimScale : public torch::nn::Module {
 public:
  explicit PerDimScale(int64_t head_dim);
  /// [E], in the weights' type.
  at::Tensor factors() const;

 private:
  at::Tensor per_dim_scale_;  ///< [E]
};

/// What all layers of one pass share.
struct TimesFmPass {
  kernels::RopeAngles angles;   ///< of place minus padded patches
  kernels::AttentionMode mode;  ///< causal, padded keys hidden
  at::Tensor padded;            ///< [B, 1, T, 1] bool, patches that see nothing; undefined: none
};

/// Attention whose queries and keys are normed after their rotation, queries scaled per dimension.
class TimesFmAttention : public torch::nn::Module {
 public:
  explicit TimesFmAttention(const TimesFmOptions& options);
  /// x: [B, T, D]; returns the same. `cache`: the patches before these, to which they are added; may be null.
  at::Tensor forward(const at::Tensor& x, const TimesFmPass& pass, nn::KvCache* cache) const;
  void initialise();

 private:
  int64_t heads_, head_dim_;
  std::shared_ptr<nn::LinearLayer> qkv_proj_, out_;
  std::shared_ptr<TimesFmNorm> query_ln_, key_ln_;
  std::shared_ptr<PerDimScale> per_dim_scale_;
};

/// Attention and a feed-forward block, each between two norms and beside a residual.
class TimesFmLayer : public torch::nn::Module {
 public:
  explicit TimesFmLayer(const TimesFmOptions& options);
  at::Tensor forward(const at::Tensor& x, const TimesFmPass& pass, nn::KvCache* cache) const;
  void initialise();

 private:
  std::shared_ptr<TimesFmNorm> pre_attn_ln_, post_attn_ln_, pre_ff_ln_, post_ff_ln_;
  std::shared_ptr<TimesFmAttention> attn_;
  std::shared_ptr<nn::LinearLayer> ff0_, ff1_;
};

}  // namespace arzoo::forecast
