#pragma once

#include "image/himar.h"
#include "nn/diffusion_head.h"
#include "nn/diffusion_transformer.h"
#include "nn/task_stack.h"
#include "nn/visible_tokens.h"

namespace arzoo::image {

/// The random numbers of a training pass; what is undefined is sampled. P pivots, L dense tokens.
struct HiMarRandomInputs {
  at::Tensor pivot_orders, orders;  ///< [B, P], [B, L] long, a permutation per sample
  int64_t masked_pivots = -1;       ///< at the beginning of each order
  int64_t masked = -1;
  at::Tensor pivot_label_drop, label_drop;  ///< [B] uniform: below label_drop_prob a sample loses its class
  at::Tensor pivot_drop;                    ///< [B] uniform: the low ones see learned rows for pivots
  at::Tensor pivot_t, pivot_noise;          ///< [mul B P] long, [mul B P, C], copy by copy
  at::Tensor t, noise;                      ///< [mul B] long, [mul B, L, C], copy by copy
};

/// Hi-MAR's transformer and heads, without the tokenizer. One transformer works in two phases, each with
/// positions and mask tokens of its own: the first sees pivots alone, the second the pivots' condition
/// vectors and dense tokens. Its places are the P pivots, then the L dense tokens.
class HiMar : public torch::nn::Module {
 public:
  enum class Phase : int64_t { pivots = 0, dense = 1 };

  /// The weights are memory as it comes until they are loaded or initialised. norm_eps: of the blocks.
  explicit HiMar(const HiMarOptions& options, double norm_eps = 1e-6);

  const HiMarOptions& options() const { return options_; }
  int64_t null_class() const { return options_.class_num; }
  /// Rows of the classes [B] long, [B, buffer, D]. Throws UsageError for a class that is none.
  at::Tensor condition(const at::Tensor& labels) const;
  /// Without a class, for `samples` samples: [B, buffer, D].
  at::Tensor no_condition(int64_t samples) const;
  /// The condition that a training pass sees: samples whose `uniform`, [B], lies below label_drop_prob lose
  /// theirs.
  at::Tensor dropped(const at::Tensor& condition, const at::Tensor& uniform) const;

  /// Rows of pivots for the first phase's encoder: pivots [B, K, C] to [B, K, D].
  at::Tensor pivot_rows(const at::Tensor& pivots) const { return cond_proj_->forward(pivots); }
  /// Rows of pivots for the second's: learned ones, and in the places of index, [B, K] long, those of the
  /// condition vectors z, [B, K, D]. Returns [B, P, D].
  at::Tensor condition_rows(const at::Tensor& z, const at::Tensor& index) const;
  /// Rows of pivots for the second phase as pivots_as has them, [B, P, D]: condition_rows, those of the
  /// tokens `pivots`, [B, P, C], or learned ones alone.
  at::Tensor seen_rows(const at::Tensor& z, const at::Tensor& index, const at::Tensor& pivots) const;
  /// Rows of dense tokens, [B, K, C] to [B, K, D].
  at::Tensor dense_rows(const at::Tensor& tokens) const { return z_proj_->forward(tokens); }

  /// What the encoder's blocks see, [B, buffer + K, D]. rows: [B, K, D], of the visible places in order;
  /// visible: of all P + L places.
  at::Tensor encoder_input(Phase phase, const at::Tensor& rows, const nn::VisibleTokens& visible,
                           const at::Tensor& condition) const;
  at::Tensor decoder_input(Phase phase, const at::Tensor& encoded, const nn::VisibleTokens& visible) const;
  at::Tensor encode(Phase phase, const at::Tensor& rows, const nn::VisibleTokens& visible,
                    const at::Tensor& condition) const;
  /// z, the heads' conditions of the places `wanted`, [B, Q] long; of all where it is undefined.
  at::Tensor decode(Phase phase, const at::Tensor& encoded, const nn::VisibleTokens& visible,
                    const at::Tensor& wanted = {}) const;
  /// Visible places of the pivots' phase: pivots that are visible, and no dense tokens.
  nn::VisibleTokens visible_pivots(const at::Tensor& orders, int64_t masked) const;

  /// The losses of both phases, scalars, as the official class weighs them: twice the pivots' (error and
  /// variational bound of the masked ones), 0.75 times the dense tokens'.
  struct Loss {
    at::Tensor pivots, dense;
  };
  /// pivots: [B, P, C]; tokens: [B, L, C]; epoch: decides how many samples see pivots.
  Loss loss(const at::Tensor& pivots, const at::Tensor& tokens, const at::Tensor& condition, int64_t epoch,
            const HiMarRandomInputs& random_inputs = {}) const;
  /// What is minimised: 0.2 of the pivots' and 0.8 of the dense tokens', as the official trainer has it.
  at::Tensor total(const Loss& loss) const;

  /// What the second phase of a training pass sees of the pivots, [B, P, D]: the given rows, or in some
  /// samples, by uniform, [B], learned ones.
  at::Tensor training_rows(const at::Tensor& rows, const at::Tensor& uniform, int64_t epoch) const;

  const nn::TaskStack& encoder() const { return encoder_; }
  const nn::TaskStack& decoder() const { return decoder_; }
  const nn::DiffusionLoss& diffloss() const { return *diffloss_; }
  const nn::GridDiffusionLoss& cond_diffloss() const { return *cond_diffloss_; }
  /// The type of the linear maps inside blocks and heads, for inference.
  void set_type(at::ScalarType type);
  /// Computes once what does not change while weights stay; for inference.
  void prepare();
  /// The official start.
  void initialise();

 private:
  void register_tables();
  at::Tensor places_of(const at::Tensor& table, Phase phase) const;
  at::Tensor pivot_loss(const at::Tensor& pivots, const at::Tensor& z, const at::Tensor& index,
                        const HiMarRandomInputs& random_inputs) const;
  at::Tensor dense_loss(const at::Tensor& tokens, const at::Tensor& z, const at::Tensor& masked,
                        const HiMarRandomInputs& random_inputs) const;

  HiMarOptions options_;
  int64_t places_;  ///< P + L
  at::ScalarType type_ = at::kFloat;
  at::Tensor class_emb_, fake_latent_;  ///< [class_num, D], [1, D]
  at::Tensor cond_tokens_;              ///< [1, P, C]
  at::Tensor mask_token_;               ///< [1, 2 (P + L), D], the first phase's first
  at::Tensor encoder_pos_embed_learned_,
      decoder_pos_embed_learned_;           ///< [1, 2 (buffer + P + L), D], likewise
  at::Tensor diffusion_pos_embed_learned_;  ///< [1, P + L, D]
  std::shared_ptr<nn::LinearLayer> z_proj_, cond_z_proj_, cond_proj_, decoder_embed_;
  std::shared_ptr<nn::VitNorm> z_proj_ln_;
  nn::TaskStack encoder_, decoder_;
  std::shared_ptr<nn::DiffusionLoss> diffloss_;
  std::shared_ptr<nn::GridDiffusionLoss> cond_diffloss_;
};

}  // namespace arzoo::image
