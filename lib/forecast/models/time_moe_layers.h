#pragma once

#include <torch/nn/modules/linear.h>

#include <memory>
#include <string>

#include "forecast/models/time_moe.h"
#include "nn/decoder.h"
#include "nn/rms_norm.h"
#include "runtime/losses.h"

/// The layers of Time-MoE (Shi et al., ICLR 2025, Sec. 3.2): what the shared decoder (nn/decoder.h) computes
/// on, under the official names. Shapes: `B` series, `T` tokens, `D` hidden_size.
namespace arzoo::forecast {

/// silu(gate_layer(x)) * emb_layer(x): a time point as a token (eq. 2 of the paper).
class PointEmbedding : public torch::nn::Module {
 public:
  explicit PointEmbedding(const TimeMoeOptions& options);
  /// x: [B, T, C]; returns [B, T, D].
  at::Tensor forward(const at::Tensor& x);

 private:
  torch::nn::Linear emb_layer_{nullptr}, gate_layer_{nullptr};
};

/// Rotary attention whose query heads share keys and values in groups, then experts or one dense layer, each
/// after a norm and beside a residual.
class TimeMoeLayer : public torch::nn::Module {
 public:
  explicit TimeMoeLayer(const TimeMoeOptions& options);
  /// The parameters themselves.
  const nn::BlockWeights& weights() const { return weights_; }

 private:
  nn::BlockWeights weights_;
};

/// A layer's intermediate results under the names of the official code: `name`.cache_k and so on.
void record(runtime::Trace& trace, const std::string& name, const nn::BlockTrace& layer);

}  // namespace arzoo::forecast
