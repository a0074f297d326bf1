#pragma once

#include "distill/llamagen.h"
#include "image/residual_quantizer.h"
#include "image/var_model.h"
#include "nn/diffusion_head.h"

namespace arzoo::distill {

/// Of the network that denoises one token.
struct HeadSize {
  int64_t width = 0, depth = 0;
};

/// Tokens [B, L, C] from `first` on.
inline at::Tensor tokens_from(const at::Tensor& tokens, int64_t first) {
  return tokens.narrow(1, first, tokens.size(1) - first);
}
/// Noise [B, L, C] with the first `given` tokens in its place.
at::Tensor with_given(const at::Tensor& noise, const at::Tensor& tokens, int64_t given);

/// An autoregressive model that tells the conditional score of its next latent (Distilled Decoding 2, Sec.
/// 4). Three of them are met: the tuned teacher, the guidance network, the generator, which denoises in one
/// step. B samples, L tokens, C width of a latent, Z width of a state.
class ArDiffusion {
 public:
  virtual ~ArDiffusion() = default;

  /// What is known of each token from the class and the tokens before it, [B, L, Z]. tokens: [B, L, C],
  /// any vectors; no gradient flows to them.
  virtual at::Tensor states(const at::Tensor& labels, const at::Tensor& tokens) = 0;
  /// The velocity E[e - q] of the last T tokens x, [B, T, C], noised to times t, [B, T, 1], under their
  /// states [B, T, Z].
  virtual at::Tensor velocity(const at::Tensor& x, const at::Tensor& t, const at::Tensor& states) const = 0;
  /// One step from noise [B, L, C] to tokens, all positions at once; the first `data` are given and stay.
  at::Tensor generate(const at::Tensor& labels, const at::Tensor& noise, int64_t data = 0);
};

/// The velocity that such a network for single tokens predicts for x, [B, T, C], at timesteps [B, T, 1] given
/// their states [B, T, Z]: the first C of its outputs, [B, T, C].
at::Tensor head_velocity(const nn::DiffusionHead& head, const at::Tensor& x, const at::Tensor& timesteps,
                         const at::Tensor& states);

/// Gives `to` the weights and buffers that `from` has under the same names.
void copy_weights(torch::nn::Module& to, const torch::nn::Module& from);

/// One whose classification head is replaced by a small network that denoises one token, given the
/// transformer's output for those before it.
class HeadDiffusion : public ArDiffusion {
 public:
  at::Tensor velocity(const at::Tensor& x, const at::Tensor& t, const at::Tensor& states) const override;

 protected:
  /// channels: C; state_width: Z.
  HeadDiffusion(int64_t channels, int64_t state_width, const HeadSize& size);
  /// To be registered as "head".
  const std::shared_ptr<nn::DiffusionHead>& head_module() const { return head_; }
  /// Initialises the head's weights from the default generator. Where MAR starts with zeros they are small,
  /// as in VAR's gates, so that every weight learns from the first step on.
  void initialise_head();

 private:
  std::shared_ptr<nn::DiffusionHead> head_;
};

/// A VAR that sees the sum of the vectors before a scale, as in teacher forcing, whether they are codes or
/// not. Weights under the names of VAR; "head" is the head of this.
class VarDiffusion : public image::Var, public HeadDiffusion {
 public:
  /// quantizer must outlive it. Its vectors are `unit` times the latents of this, whose noise has unit
  /// variance.
  VarDiffusion(const image::VarOptions& options, const HeadSize& head,
               const image::ResidualQuantizer& quantizer, double unit);

  at::Tensor states(const at::Tensor& labels, const at::Tensor& tokens) override;
  /// The teacher's weights, and a new head.
  void start_from(const image::Var& teacher);

 private:
  const image::ResidualQuantizer& quantizer_;
  double unit_;
};

/// A LlamaGen whose tokens are vectors.
class LlamaGenDiffusion : public image::LlamaGenBlocks, public HeadDiffusion {
 public:
  LlamaGenDiffusion(const image::LlamaGenOptions& options, const HeadSize& head);

  at::Tensor states(const at::Tensor& labels, const at::Tensor& tokens) override;

 private:
  std::shared_ptr<nn::LinearLayer> tok_embeddings_;
};

}  // namespace arzoo::distill
