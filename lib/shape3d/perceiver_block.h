#pragma once

#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/normalization.h>

#include "nn/linear_layer.h"
#include "nn/transformer_block.h"
#include "runtime/losses.h"

/// The transformer blocks of the shape VAE, under the official names. Unlike other attention here, the fused
/// projections are grouped by head: (q, k, v) of the first head, then of the second.
namespace arzoo::shape3d {

struct PerceiverOptions {
  int64_t width = 0, heads = 1;
  bool qkv_bias = true;
};

/// Layer normalisation of `width` channels with an affine map.
torch::nn::LayerNorm perceiver_norm(int64_t width);

/// The normalisation of x, [..., W].
at::Tensor normed(const at::Tensor& x, const torch::nn::LayerNorm& norm);

/// Keys and values of one stream of data, [B, H, N, E] each.
struct KeysValues {
  at::Tensor keys, values;
};

/// x += attention(ln_1(x)); x += mlp(ln_2(x)) (nn/transformer_block.h).
class PerceiverBlock : public torch::nn::Module {
 public:
  explicit PerceiverBlock(const PerceiverOptions& options);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  nn::TransformerBlock block_;
  torch::nn::LayerNorm ln_1_, ln_2_;
  std::shared_ptr<nn::LinearLayer> c_qkv_, c_proj_, c_fc_, c_down_;
};

/// Blocks one after the other, under the name "resblocks".
class PerceiverTransformer : public torch::nn::Module {
 public:
  PerceiverTransformer(const PerceiverOptions& options, int64_t layers);
  /// `name` of the trace is what the first block gives.
  at::Tensor forward(at::Tensor x, runtime::Trace* trace = nullptr, const char* name = "");

 private:
  torch::nn::ModuleList resblocks_;
};

/// x = x + attention(ln_1(x), ln_2(data)); x += mlp(ln_3(x)): the queries keep their residual.
class PerceiverCrossBlock : public torch::nn::Module {
 public:
  explicit PerceiverCrossBlock(const PerceiverOptions& options);
  /// What the block reads of its data, [B, N, W]; once for any number of queries.
  KeysValues read(const at::Tensor& data);
  /// x: [B, L, W]; returns [B, L, W].
  at::Tensor forward(const at::Tensor& x, const KeysValues& data, runtime::Trace* trace = nullptr,
                     const char* name = "");

 private:
  nn::TransformerBlock block_;  ///< for its feed-forward layer
  int64_t heads_;
  torch::nn::LayerNorm ln_1_, ln_2_, ln_3_;
  std::shared_ptr<nn::LinearLayer> c_q_, c_kv_, c_proj_, c_fc_, c_down_;
};

/// Weights of every block's linear maps with this standard deviation, biases 0, norms 1 and 0.
void initialise_blocks(torch::nn::Module& module, double stddev);

}  // namespace arzoo::shape3d
