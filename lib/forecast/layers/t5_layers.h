#pragma once

#include <memory>
#include <string>

#include "kernels/attention.h"
#include "kernels/rope.h"
#include "nn/linear_layer.h"
#include "nn/rms_norm.h"

/// The layers of T5 (Raffel et al., JMLR 2020), of which the Chronos models are built: pre-norm, no biases,
/// scores without 1 / sqrt(E). Shapes: `B` rows, `L` and `S` tokens, `D` d_model, `H` heads, `E` d_kv.
namespace arzoo::forecast {

/// Sizes under the names of T5's config.json.
struct T5Sizes {
  int64_t d_model, d_kv, d_ff, num_heads;
  double dropout_rate, layer_norm_epsilon;
  kernels::Activation activation;
};

/// The activation that T5's feed_forward_proj names, as in "relu" or "gelu_new".
kernels::Activation t5_activation(const std::string& name);

/// Those of a model whose options have the same names.
template <class Options>
T5Sizes t5_sizes(const Options& o) {
  return {o.d_model,
          o.d_kv,
          o.d_ff,
          o.num_heads,
          o.dropout_rate,
          o.layer_norm_epsilon,
          t5_activation(o.feed_forward_proj)};
}

/// Four maps q, k, v and o around softmax(q k^T + bias) v.
class T5Attention : public torch::nn::Module {
 public:
  explicit T5Attention(const T5Sizes& sizes);

  /// x: [B, L, D]; returns [B, H, L, E].
  at::Tensor queries(const at::Tensor& x) const { return as_heads(q_->forward(x)); }
  at::Tensor keys(const at::Tensor& x) const { return as_heads(k_->forward(x)); }
  at::Tensor values(const at::Tensor& x) const { return as_heads(v_->forward(x)); }
  /// The mixture of values, through no output map. q: [B, H, L, E]; k, v: [B, H, S, E]; bias: broadcast to
  /// [B, H, L, S], may be undefined.
  at::Tensor mix(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& bias) const;
  /// mixed: [B, H, L, E]; returns [B, L, D].
  at::Tensor output(const at::Tensor& mixed) const { return o_->forward(mixed.transpose(1, 2).flatten(2)); }
  /// Attention of tokens to themselves alone: o(v(x)).
  at::Tensor own_values(const at::Tensor& x) const { return o_->forward(v_->forward(x)); }

  void initialise(double factor);

 private:
  at::Tensor as_heads(const at::Tensor& x) const;

  T5Sizes sizes_;
  std::shared_ptr<nn::LinearLayer> q_, k_, v_, o_;
};

/// A norm and an attention, under the name that the official code gives it.
class T5AttentionLayer : public torch::nn::Module {
 public:
  T5AttentionLayer(const T5Sizes& sizes, const std::string& attention_name);
  at::Tensor norm(const at::Tensor& x) const { return layer_norm_->forward(x); }
  T5Attention& attention() const { return *attention_; }
  /// x + dropout(update): the end of the sub-layer.
  at::Tensor add(const at::Tensor& x, const at::Tensor& update) const;
  void initialise(double factor);

 private:
  double dropout_;
  std::shared_ptr<T5Attention> attention_;
  std::shared_ptr<nn::RmsNorm> layer_norm_;
};

/// x + wo(activation(wi(norm(x)))).
class T5FeedForwardLayer : public torch::nn::Module {
 public:
  T5FeedForwardLayer(const T5Sizes& sizes, const std::string& name);
  at::Tensor forward(const at::Tensor& x) const;
  void initialise(double factor);

 private:
  T5Sizes sizes_;
  std::shared_ptr<nn::LinearLayer> wi_, wo_;
  std::shared_ptr<nn::RmsNorm> layer_norm_;
};

/// An embedding table of two rows under "weight": padding and the REG token.
class T5Shared : public torch::nn::Module {
 public:
  explicit T5Shared(int64_t d_model);
  /// Row `i` for each of `rows` rows: [rows, 1, D].
  at::Tensor token(int64_t i, int64_t rows) const;
  void initialise(double factor);

 private:
  at::Tensor weight_;  ///< [2, D]
};

/// 0 where `mask` [B, S] is not 0, else half the lowest number of `type`: [B, 1, 1, S], to be added to
/// scores. Undefined where nothing is masked.
at::Tensor key_bias(const at::Tensor& mask, at::ScalarType type);

/// Sets an RmsNorm's weight to `value`.
void fill_norm(nn::RmsNorm& norm, double value);

}  // namespace arzoo::forecast
