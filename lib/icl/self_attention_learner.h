#pragma once

#include "icl/data_options.h"
#include "icl/in_context_learner.h"
#include "icl/vonoswald_transformer.h"
#include "nn/affine.h"

namespace arzoo::icl {

/// What a pass shows on its way.
struct SelfAttentionTrace {
  std::vector<at::Tensor> hidden;     ///< after each layer, [B, T, D]
  std::vector<at::Tensor> attention;  ///< each layer's weights, [B, H, T, T or T - 1]
};

/// The self-attention stack of von Oswald et al. (ICML 2023), under its haiku parameter paths. All kernels
/// are [in, out].
class SelfAttentionLearner : public InContextLearner {
 public:
  /// width: of a prompt's tokens. net: the name that begins the parameter paths.
  SelfAttentionLearner(const VonOswaldOptions& options, int64_t width,
                       const std::string& net = "transformer");

  /// tokens: [B, T, width], the query last; returns [B, T, D].
  at::Tensor forward(const at::Tensor& tokens, SelfAttentionTrace* trace = nullptr) const;
  /// What the official model puts out: the tokens of forward() through out_proj's map, if there is one.
  at::Tensor mapped_out(const at::Tensor& hidden) const;
  /// Minus the last coordinate of the query's token, [B]: the construction leaves minus the answer there.
  at::Tensor predict(const at::Tensor& tokens) const;
  /// predict() after each layer, [layers, B]; with input_mlp before the first as well, [layers + 1, B].
  at::Tensor predict_stack(const at::Tensor& tokens) const;
  /// sum of (y - prediction)^2 / 2 B. target: [B, width], y in the last coordinate.
  at::Tensor loss(const at::Tensor& tokens, const at::Tensor& target) const;
  /// d (last coordinate of the query's token) / d x_q, [B, inputs].
  at::Tensor sensitivity(const at::Tensor& tokens, int64_t inputs) const;

  /// haiku's VarianceScaling(init_scale, fan_in, truncated normal); biases 0, normalisations 1.
  void initialise() override;

  /// One layer's kernels.
  struct Attention {
    nn::Affine query, key, value, linear;
  };
  const Attention& attention(int64_t layer) const { return attention_.at(options_.deq ? 0 : layer); }
  const VonOswaldOptions& options() const { return options_; }

 private:
  nn::Affine map(const std::string& path, int64_t in, int64_t out, bool bias);
  nn::Affine norm(const std::string& path);
  at::Tensor attend(const at::Tensor& x, int64_t layer, SelfAttentionTrace* trace) const;
  at::Tensor clipped(const at::Tensor& x) const;
  bool softmax_in(int64_t layer) const {
    return options_.use_softmax || (options_.first_layer_sm && layer == 0);
  }

  VonOswaldOptions options_;
  int64_t width_ = 0;  ///< D
  nn::Affine embedding_, input_up_, input_down_, output_;
  std::vector<Attention> attention_;  ///< one where layers share their weights
  std::vector<at::Tensor> mixtures_;  ///< of softmax and linear attention; undefined where there is none
  std::vector<nn::Affine> norms_;     ///< before attention; undefined where there is none
  nn::Affine mlp_norm_, mlp_up_, mlp_down_;
};

}  // namespace arzoo::icl
