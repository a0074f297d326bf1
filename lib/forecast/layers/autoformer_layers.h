#pragma once

#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include "forecast/layers/attention_layer.h"
#include "forecast/models/autoformer.h"
#include "kernels/linear.h"

namespace arzoo::forecast {

/// LayerNorm over the channels, minus its mean over time: the seasonal part has mean 0 (Autoformer's
/// my_Layernorm). x: [B, L, D].
class SeasonalNorm : public torch::nn::Module {
 public:
  explicit SeasonalNorm(int64_t d_model);
  at::Tensor forward(const at::Tensor& x);

 private:
  torch::nn::LayerNorm layernorm_{nullptr};
};

/// The two linear maps of a layer, without biases; registered in the layer as conv1 and conv2.
class SeasonalFeedForward {
 public:
  SeasonalFeedForward(torch::nn::Module& layer, const AutoformerOptions& options);
  /// conv2(dropout(activation(conv1 x))). x: [B, L, D].
  at::Tensor forward(const at::Tensor& x, bool training) const;

 private:
  double dropout_;
  kernels::Activation activation_;
  torch::nn::Conv1d conv1_{nullptr}, conv2_{nullptr};
};

/// Autoformer's encoder layer (Sec. 3.1, eq. 3): auto-correlation and feed-forward, each followed by a
/// decomposition whose trend is dropped.
class SeasonalEncoderLayer : public torch::nn::Module {
 public:
  /// `name`: of the module, for traces.
  SeasonalEncoderLayer(const AutoformerOptions& options, std::string name);
  /// x: [B, L, D]; returns [B, L, D].
  at::Tensor forward(const at::Tensor& x, const Pass& pass);

 private:
  AutoformerOptions options_;
  std::string name_;
  std::shared_ptr<AttentionLayer> attention_;
  std::unique_ptr<SeasonalFeedForward> feed_forward_;
};

/// Autoformer's decoder layer (Sec. 3.1, eq. 4): as the encoder's, with a cross-correlation in the middle and
/// the three trends projected and added up.
class SeasonalDecoderLayer : public torch::nn::Module {
 public:
  SeasonalDecoderLayer(const AutoformerOptions& options, int64_t c_out, std::string name);
  /// x: [B, L, D]; memory: [B, S, D]; trend: [B, L, C] float, grows by the layer's. Returns [B, L, D].
  at::Tensor forward(const at::Tensor& x, const at::Tensor& memory, at::Tensor& trend, const Pass& pass);

 private:
  AutoformerOptions options_;
  std::string name_;
  std::shared_ptr<AttentionLayer> self_attention_, cross_attention_;
  std::unique_ptr<SeasonalFeedForward> feed_forward_;
  torch::nn::Conv1d projection_{nullptr};
};

}  // namespace arzoo::forecast
