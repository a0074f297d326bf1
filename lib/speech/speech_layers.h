#pragma once

#include <torch/nn/modules/normalization.h>

#include <memory>
#include <optional>
#include <string>

#include "nn/linear_layer.h"

/// Layers that the recognisers share. B batch, T frames, N tokens, D width, H heads.
namespace arzoo::speech {

/// Ids that both official codes agree on, and what stands behind a label's tokens.
inline constexpr int64_t kBlank = 0, kStart = 1, kEnd = 2, kIgnored = -1;
/// A literal 0 could be a text too, to at::conv1d.
inline constexpr int64_t kNoPadding = 0;

/// [B, T], true for the first lengths[b] of T places. lengths: [B], int64.
at::Tensor length_mask(const at::Tensor& lengths, int64_t places);

/// What is added to scores so that keys outside of `mask` get the weight 0; a query that may see none attends
/// to all evenly. mask: bool, undefined for none; returns the same shape in the type of `like`.
at::Tensor mask_bias(const at::Tensor& mask, const at::Tensor& like);

/// Layer normalisation over the last axis with FunASR's epsilon, 1e-12.
torch::nn::LayerNorm layer_norm(int64_t width);

/// Activation by FunASR's name: swish, relu, gelu, tanh.
at::Tensor activate(const at::Tensor& x, const std::string& name);

/// w_2(dropout(act(w_1 x))), with a normalisation before the second map where `inner_norm`.
class FeedForward : public torch::nn::Module {
 public:
  struct Shape {
    int64_t width = 0, hidden = 0;
    std::string activation = "relu";
    double dropout = 0.0;
    bool inner_norm = false;  ///< and then w_2 has no bias
  };
  explicit FeedForward(const Shape& shape);
  at::Tensor forward(const at::Tensor& x);

 private:
  Shape shape_;
  std::shared_ptr<nn::LinearLayer> w_1_, w_2_;
  torch::nn::LayerNorm norm_{nullptr};
};

/// Attention of many heads with maps of its own.
class HeadAttention : public torch::nn::Module {
 public:
  /// Names of the maps: FunASR's linear_q, linear_k, linear_v, linear_out, or linears.0 to linears.3; fused
  /// keys and values are linear_k_v.
  enum class Names { by_role, by_number, fused_keys };
  HeadAttention(int64_t width, int64_t heads, double dropout, Names names = Names::by_role);
  /// x: [B, N, D]; memory: [B, T, D]; mask: bool, [B, 1 or N, T], may be undefined. Returns [B, N, D].
  at::Tensor forward(const at::Tensor& x, const at::Tensor& memory, const at::Tensor& mask);

  /// Keys and values of a memory, [B, H, T, E] each, for queries that come one after the other.
  struct Memory {
    at::Tensor k, v;
  };
  Memory read(const at::Tensor& memory) const;
  at::Tensor attend(const at::Tensor& x, const Memory& memory, const at::Tensor& mask) const;

 protected:
  int64_t heads_;
  double dropout_;
  std::shared_ptr<nn::LinearLayer> q_, k_, v_, out_, kv_;
};

/// Self-attention with relative positions in Transformer-XL's form (Dai et al., ACL 2019): linear_pos without
/// bias, pos_bias_u and pos_bias_v [H, E].
class RelativeAttention : public HeadAttention {
 public:
  RelativeAttention(int64_t width, int64_t heads, double dropout, Names names);
  /// positions: [P, D], what the shifted scores are read from: P = T in FunASR's legacy form, 2 T - 1
  /// otherwise.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& positions, const at::Tensor& mask);

 private:
  std::shared_ptr<nn::LinearLayer> position_;
  at::Tensor u_, v_bias_;
};

/// The scores of relative positions brought to their places: a zero column in front, read as [P + 1, T],
/// first row dropped, the first T columns kept. x: [B, H, T, P].
at::Tensor shift_relative(const at::Tensor& x);

/// Two convolutions of stride 2 with ReLU and a linear map: every fourth frame.
class ConvSubsampling : public torch::nn::Module {
 public:
  /// padding: of the convolutions; out_name: of the map, "out.0" or "linear_out".
  ConvSubsampling(int64_t input_size, int64_t width, int64_t padding, const std::string& out_name);
  /// x: [B, T, F]; returns [B, T', D].
  at::Tensor forward(const at::Tensor& x);
  /// Frames that `frames` become.
  int64_t frames(int64_t frames) const;

 private:
  int64_t padding_;
  at::Tensor weights_[2], biases_[2];
  std::shared_ptr<nn::LinearLayer> out_;
};

/// The convolution module of a conformer (Gulati et al., Interspeech 2020): pointwise, GLU, depthwise, norm,
/// activation, pointwise.
class ConvModule : public torch::nn::Module {
 public:
  /// batch_norm: FunASR's; else one group over all channels and frames, as CASS-NAT's.
  ConvModule(int64_t width, int64_t kernel, bool batch_norm, std::string activation = "swish");
  /// x: [B, T, D].
  at::Tensor forward(const at::Tensor& x);

 private:
  int64_t kernel_;
  std::string activation_;
  at::Tensor w1_, b1_, wd_, bd_, w2_, b2_, norm_weight_, norm_bias_;
  torch::nn::BatchNorm1d batch_norm_{nullptr};
};

/// A child without members of its own.
torch::nn::Module& add_folder(torch::nn::Module& owner, const std::string& name);

/// PyTorch's default initialisation of linear maps and convolutions, as both official codes begin with.
void initialise_default(torch::nn::Module& module);

}  // namespace arzoo::speech
