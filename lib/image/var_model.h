#pragma once

#include <algorithm>

#include "image/grid.h"
#include "image/token_pruning.h"
#include "image/var_block.h"

namespace arzoo::image {

/// The random inputs of a training pass; undefined: sampled from the default generator.
struct VarRandomInputs {
  at::Tensor condition;  ///< [B] uniform; a sample below cond_drop_rate loses its class
  at::Tensor path_mask;  ///< [depth, 2, B], 1 where a sample keeps the block's attention, its feed-forward
};

/// A sub-network (VARiant, 2025): scales after the first `bridge_scales` pass through `blocks` alone.
struct SubNetwork {
  int64_t bridge_scales = 0;
  std::vector<int64_t> blocks;  ///< ascending

  bool has(int64_t block) const { return std::binary_search(blocks.begin(), blocks.end(), block); }
};

/// Where a generation stands.
struct VarGeneration {
  bool guided = false;                       ///< the second half of the rows is of the null class
  std::size_t next = 0;                      ///< the scale that comes next
  std::vector<BlockModulation> modulations;  ///< of each block, [rows, 1, C]
  kernels::Modulation head;
  /// Scales that pass together see one another whole, the finer ones too, as in the official code of
  /// Distilled Decoding.
  bool sees_together = false;
  std::vector<nn::KvCache> caches;  ///< of each block: it may skip scales
  TokenPruning pruning;             ///< of late scales' tokens; none by default
  at::Tensor start;                 ///< [rows, p_0^2, C], the first tokens
  runtime::Trace* trace = nullptr;  ///< collects each block's output

  /// What the keys and values take.
  int64_t cache_bytes() const;
};

/// The transformer of VAR.
///
/// Tokens of scale k are seen as the features that the scales before k sum up to ("maps", see
/// ResidualQuantizer::next_input), those of scale 0 as the class. Notation: B samples, L tokens of all
/// scales, C width, z width of a code vector, V codes, NC classes; NC itself is the null class.
class Var : public torch::nn::Module {
 public:
  /// What a Var is made of.
  enum class Parts {
    all,
    without_head  ///< no logits: hidden() is the result
  };

  /// The weights are memory as it comes until they are loaded or initialised.
  explicit Var(const VarOptions& options, Parts parts = Parts::all);

  const VarOptions& options() const { return options_; }
  const Grids& grids() const { return grids_; }
  int64_t null_class() const { return options_.num_classes; }

  /// All scales at once (teacher forcing). labels: [B] long in [0, NC]; maps: [B, L - p_0^2, z]; returns
  /// logits [B, L, V]. Labels are dropped only in a loss, not here. path_mask: as in VarRandomInputs; sampled
  /// in training mode when undefined. part: the whole network when null.
  at::Tensor forward(const at::Tensor& labels, const at::Tensor& maps, const at::Tensor& path_mask = {},
                     runtime::Trace* trace = nullptr, const SubNetwork* part = nullptr);

  /// The same as the head sees it, [B, L, C] in fp32.
  at::Tensor hidden(const at::Tensor& labels, const at::Tensor& maps);

  /// The labels that a training pass sees: some are the null class.
  at::Tensor dropped(const at::Tensor& labels, const at::Tensor& uniform = {}) const;
  /// The cross-entropy over all tokens, of targets [B, L] long; its statistics are those of TokenScores.
  runtime::Losses loss(const at::Tensor& labels, const at::Tensor& maps, const at::Tensor& targets,
                       double label_smoothing, const VarRandomInputs& random_inputs = {},
                       const SubNetwork* part = nullptr);

  /// A generation of the given classes, [B], with a row of the null class beside each when `guided`. All
  /// modulations are computed here, once. `cached`: tokens that each block will see, all when empty. Throws
  /// UsageError for a class that is none.
  VarGeneration begin(const at::Tensor& labels, bool guided, const std::vector<int64_t>& cached = {}) const;
  /// Runs the next `scales` scales through `blocks` (ascending) and caches their keys and values. maps: [B,
  /// tokens, z] of them, without those of scale 0. Returns the last scale's tokens as the head sees them,
  /// [rows, tokens, C].
  at::Tensor extend(VarGeneration& generation, const at::Tensor& maps, std::size_t scales,
                    const std::vector<int64_t>& blocks) const;
  /// (1 + t) cond - t null, [B, tokens, V], of extend()'s result: the head is linear, so the rows are mixed
  /// before it.
  at::Tensor guided_logits(const VarGeneration& generation, const at::Tensor& hidden, double t) const;

  /// The official start. `gamma_factor` (alng): of the weights that make the gates.
  void initialise(double gamma_factor = 1e-5);
  /// The type of the linear maps inside the blocks, for inference. Their weights become memory as it comes;
  /// embeddings, the residual stream and the head stay in fp32.
  void set_type(at::ScalarType type);
  /// All blocks.
  std::vector<int64_t> all_blocks() const;

 protected:
  /// What a descendant adds to the tokens, [1, L, C] each.
  struct Added {
    at::Tensor to_input;
    std::vector<at::Tensor> between;  ///< between the two branches of each block
  };
  /// hidden() before the head's norm, [B, L, C]. condition: [B, C].
  at::Tensor pass_blocks(const at::Tensor& condition, const at::Tensor& maps, const at::Tensor& path_mask,
                         runtime::Trace* trace, const SubNetwork* part, const Added& added);
  /// The logits, [B, L, V], of what passed the blocks.
  at::Tensor logits_of(const at::Tensor& x, const at::Tensor& condition) const;
  at::Tensor condition_of(const at::Tensor& labels) const;
  const at::Tensor& visibility() const { return attn_bias_for_masking_; }

 private:
  /// Stochastic depth of a block in training; path_mask: as in VarRandomInputs.
  VarBlock::PathMask block_mask(int64_t block, int64_t batch, const at::TensorOptions& options,
                                const at::Tensor& path_mask) const;
  at::Tensor places() const;
  at::Tensor shared_modulation(const at::Tensor& condition) const;
  kernels::Modulation head_modulation(const at::Tensor& condition) const;
  at::Tensor head_normed(const at::Tensor& x, const at::Tensor& condition) const;
  at::Tensor next_tokens(const VarGeneration& generation, const at::Tensor& maps, std::size_t scales) const;
  void register_embeddings(int64_t tokens);

  VarOptions options_;
  Grids grids_;
  at::ScalarType type_ = at::kFloat;
  at::Tensor pos_start_, pos_1LC_;                      ///< [1, p_0^2, C], [1, L, C]
  at::Tensor lvl_1L_, attn_bias_for_masking_;           ///< [1, L] long, [1, 1, L, L]
  at::Tensor class_emb_, lvl_embed_;                    ///< [NC + 1, C], [S, C]
  std::shared_ptr<nn::LinearLayer> word_embed_, head_;  ///< head_: null without
  std::shared_ptr<nn::AdaLnModulation> shared_ada_lin_, head_nm_;
  std::vector<std::shared_ptr<VarBlock>> blocks_;
};

/// The blocks that a sub-network of `used` out of `depth` blocks keeps, evenly spread (VARiant, 2025):
/// floor(i (depth - 1) / (used - 1)). 1 <= used <= depth.
std::vector<int64_t> nested_blocks(int64_t depth, int64_t used);

}  // namespace arzoo::image
