#pragma once

#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/normalization.h>

#include "forecast/layers/attention_layer.h"
#include "forecast/layers/encoder.h"

namespace arzoo::forecast {

/// Informer's decoder layer: masked attention to itself, attention to the encoder, feed-forward, each with a
/// residual and a LayerNorm behind it.
class InformerDecoderLayer : public torch::nn::Module {
 public:
  InformerDecoderLayer(std::shared_ptr<AttentionLayer> self_attention,
                       std::shared_ptr<AttentionLayer> cross_attention, const EncoderLayerOptions& options);

  /// x: [B, L, D]; memory: [B, S, D]; returns [B, wanted, D]: the last `wanted` of the L steps, the only ones
  /// that are computed from where no later part of the layer looks at the others.
  /// `cross_by_row`: the attention to the encoder treats each step by itself.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& memory, int64_t wanted, bool cross_by_row,
                     const std::string& name, const Pass& pass);

 private:
  double dropout_;
  kernels::Activation activation_;
  std::shared_ptr<AttentionLayer> self_attention_, cross_attention_;
  torch::nn::Conv1d conv1_{nullptr}, conv2_{nullptr};
  torch::nn::LayerNorm norm1_{nullptr}, norm2_{nullptr}, norm3_{nullptr};
};

}  // namespace arzoo::forecast
