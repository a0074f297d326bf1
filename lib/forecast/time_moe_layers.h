#pragma once

#include <torch/nn/modules/linear.h>

#include <memory>
#include <string>

#include "forecast/time_moe.h"
#include "kernels/attention.h"
#include "kernels/rope.h"
#include "nn/kv_cache.h"
#include "nn/rms_norm.h"
#include "nn/sparse_experts.h"
#include "runtime/losses.h"

/// The layers of Time-MoE (Shi et al., ICLR 2025, Sec. 3.2). Shapes: `B` series, `T` tokens, `D` hidden_size,
/// `H` heads, `G` heads of keys and values, `E` head size.
namespace arzoo::forecast {

/// What all layers of one pass share.
struct DecoderPass {
  kernels::RopeAngles angles;       ///< of the tokens' positions
  kernels::AttentionMode mode;      ///< what a token may see; as a bias when there is a trace
  runtime::Trace* trace = nullptr;  ///< collects intermediate results when given, dropout left out
};

/// silu(gate_layer(x)) * emb_layer(x): a time point as a token (eq. 2 of the paper).
class PointEmbedding : public torch::nn::Module {
 public:
  explicit PointEmbedding(const TimeMoeOptions& options);
  /// x: [B, T, C]; returns [B, T, D].
  at::Tensor forward(const at::Tensor& x);

 private:
  torch::nn::Linear emb_layer_{nullptr}, gate_layer_{nullptr};
};

/// Rotary attention whose query heads share keys and values in groups.
class RotaryAttention : public torch::nn::Module {
 public:
  explicit RotaryAttention(const TimeMoeOptions& options);
  /// x: [B, T, D]; returns the same. `cache`: the tokens before these, to which they are added; may be null.
  at::Tensor forward(const at::Tensor& x, const DecoderPass& pass, nn::KvCache* cache,
                     const std::string& name);

 private:
  at::Tensor attended(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const DecoderPass& pass,
                      const std::string& name) const;

  TimeMoeOptions options_;
  torch::nn::Linear q_proj_{nullptr}, k_proj_{nullptr}, v_proj_{nullptr}, o_proj_{nullptr};
};

/// Attention, then experts or one dense layer, each after a norm and beside a residual.
class TimeMoeLayer : public torch::nn::Module {
 public:
  explicit TimeMoeLayer(const TimeMoeOptions& options);
  /// x: [B, T, D]; returns the same. `router_logits` receives [B * T, experts]; nothing where it is dense.
  at::Tensor forward(const at::Tensor& x, const DecoderPass& pass, nn::KvCache* cache,
                     const std::string& name, at::Tensor& router_logits);

 private:
  at::Tensor feed_forward(const at::Tensor& x, runtime::Trace* trace, const std::string& name,
                          at::Tensor& router_logits);

  std::shared_ptr<nn::RmsNorm> input_layernorm_, post_attention_layernorm_;
  std::shared_ptr<RotaryAttention> self_attn_;
  std::shared_ptr<nn::SparseExperts> experts_;  ///< null where it is dense
  std::shared_ptr<nn::GatedFeedForward> dense_;
};

}  // namespace arzoo::forecast
