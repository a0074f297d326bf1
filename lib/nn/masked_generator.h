#pragma once

#include "nn/diffusion_head.h"
#include "nn/masked_generator_options.h"
#include "nn/visible_tokens.h"
#include "nn/vit_block.h"

namespace arzoo::nn {

/// What a masked generator works on.
struct MaskedLayout {
  int64_t tokens = 0;       ///< L
  int64_t token_width = 0;  ///< C, numbers of a token
  int64_t buffer = 64;      ///< rows of the condition before the tokens
  int64_t fake_rows = 1;    ///< learned rows that stand for no condition: 1, used in every slot, or `buffer`
  double norm_eps = 1e-6;   ///< of the blocks and the norms after them
};

/// The random numbers of a training pass; what is undefined is sampled.
struct MaskedRandomInputs {
  at::Tensor orders;      ///< [B, L] long, a permutation per sample
  int64_t masked = -1;    ///< tokens at the beginning of each order that are masked
  at::Tensor label_drop;  ///< [B] uniform: below label_drop_prob a sample loses its condition
  at::Tensor t;           ///< [mul B L] long, original timesteps of all tokens, copy by copy
  at::Tensor noise;       ///< [mul B L, C]
};

/// How many of `tokens` a training pass masks: ceil(L r), r from the normal distribution N(1, 0.25) between
/// `least` and 1. One number from the default generator.
int64_t sample_masked_count(int64_t tokens, double least);

/// Masked autoregression (Li et al., MAR, NeurIPS 2024): an encoder sees the known tokens, a decoder computes
/// a state of every place, and a diffusion head samples tokens from these. The core of MAR and of MAR-3D,
/// with the official names; its users add the module that computes the condition: [B, buffer, D] rows.
class MaskedGenerator : public torch::nn::Module {
 public:
  /// The weights are memory as it comes until they are loaded or initialised.
  MaskedGenerator(const MaskedGeneratorOptions& options, const MaskedLayout& layout);

  const MaskedLayout& layout() const { return layout_; }
  int64_t diffusion_batch_mul() const { return core_.diffusion_batch_mul; }

  /// No condition, for `samples` samples: [B, buffer, D].
  at::Tensor no_condition(int64_t samples) const;
  /// The condition that a training pass sees: samples whose `uniform`, [B], lies below label_drop_prob lose
  /// theirs.
  at::Tensor dropped(const at::Tensor& condition, const at::Tensor& uniform) const;

  /// What the encoder's blocks see, [B, buffer + K, D]: condition and visible tokens, projected, placed and
  /// normalised. tokens: [B, L, C].
  at::Tensor encoder_input(const at::Tensor& tokens, const VisibleTokens& visible,
                           const at::Tensor& condition) const;
  /// What the decoder's blocks see, [B, buffer + L, E]: mask tokens in the masked places.
  at::Tensor decoder_input(const at::Tensor& encoded, const VisibleTokens& visible) const;
  /// Of visible tokens, [B, buffer + K, D].
  at::Tensor encode(const at::Tensor& tokens, const VisibleTokens& visible,
                    const at::Tensor& condition) const;
  /// z, the head's condition of each place, [B, L, E]; with `wanted`, [B, Q] long, of those places only.
  at::Tensor decode(const at::Tensor& encoded, const VisibleTokens& visible,
                    const at::Tensor& wanted = {}) const;

  /// A training pass: the mean over the masked tokens of both errors, scalars.
  struct Loss {
    at::Tensor mse, vb;
  };
  Loss loss(const at::Tensor& tokens, const at::Tensor& condition,
            const MaskedRandomInputs& random_inputs = {}) const;

  /// All that a training pass goes through, of all tokens, masked or not, as the official one has them.
  struct Trace {
    at::Tensor first_encoder_block, encoded, first_decoder_block, z;
    DiffusionLoss::Rows rows;  ///< copy by copy
  };
  /// condition: as the pass sees it. random_inputs: all but label_drop are needed.
  Trace trace(const at::Tensor& tokens, const at::Tensor& condition,
              const MaskedRandomInputs& random_inputs) const;

  const DiffusionLoss& diffloss() const { return *diffloss_; }
  /// The type of the linear maps inside blocks and head, for inference. Their weights become memory as it
  /// comes; embeddings, norms and the residual stream stay in fp32.
  void set_type(at::ScalarType type);
  at::ScalarType type() const { return type_; }

 protected:
  /// The official start of all that is registered here, and of every linear map of a subclass.
  void initialise_core();

 private:
  void register_tables();

  MaskedGeneratorOptions core_;
  MaskedLayout layout_;
  at::ScalarType type_ = at::kFloat;
  at::Tensor fake_latent_, mask_token_;  ///< [fake_rows, D], [1, 1, E]
  at::Tensor encoder_pos_embed_learned_, decoder_pos_embed_learned_, diffusion_pos_embed_learned_;
  std::shared_ptr<LinearLayer> z_proj_, decoder_embed_;
  std::shared_ptr<VitNorm> z_proj_ln_;
  VitStack encoder_, decoder_;
  std::shared_ptr<DiffusionLoss> diffloss_;
};

}  // namespace arzoo::nn
