#pragma once

#include "image/llamagen.h"
#include "nn/decoder.h"
#include "nn/linear_layer.h"
#include "nn/value_embeddings.h"
#include "runtime/losses.h"

/// The transformer of LlamaGen. B pictures, L tokens of one in raster order, T tokens of a pass, D width, V
/// codes, NC classes; NC itself is the null class. P tokens come before the picture's: the class, or a
/// caption's features of width F.
namespace arzoo::image {

/// What pictures are generated of.
struct LlamaGenCondition {
  at::Tensor labels = {};        ///< [B] long in [0, NC]; or
  at::Tensor captions = {};      ///< [B, P, F], padded on the left with zeros, and
  at::Tensor caption_mask = {};  ///< [B, P], 1 where a caption's token is real; undefined: everywhere

  int64_t batch() const { return labels.defined() ? labels.size(0) : captions.size(0); }
};

/// The turns of P places that do not turn at all, then of those of a square picture: the first half of a
/// head's pairs turns by the row, the second by the column. [1, 1, P + L, E / 2].
kernels::RopeAngles picture_angles(const LlamaGenOptions& options);

/// The random inputs of a training pass; undefined: sampled from the default generator.
struct LlamaGenRandomInputs {
  at::Tensor condition = {};     ///< [B] uniform; a sample below class_dropout_prob loses its condition
  at::Tensor dropout_keep = {};  ///< [1 + 2 n_layer, B, T, D], 1 where kept: tokens, then of each block
};

/// The class's embedding and the blocks: what generators, students and score networks share.
///
/// The rows of the rotary table before the picture's are zero, so that queries and keys there are, which is a
/// quirk of LlamaGen's that its weights have learnt.
class LlamaGenBlocks : public torch::nn::Module {
 public:
  /// The weights are memory as it comes until they are loaded or initialised.
  explicit LlamaGenBlocks(const LlamaGenOptions& options);

  const LlamaGenOptions& options() const { return options_; }

  /// What stands before the picture, [B, P, D].
  at::Tensor condition_tokens(const LlamaGenCondition& condition) const;
  /// Of labels [B] long in [0, NC]: [B, 1, D].
  at::Tensor class_tokens(const at::Tensor& labels) const { return condition_tokens({.labels = labels}); }
  /// What stands for no caption, [P, F].
  const at::Tensor& null_caption() const { return null_caption_; }
  /// The null class or the null caption, for as many pictures. Its mask is the condition's, as officially.
  LlamaGenCondition without(const LlamaGenCondition& condition) const;
  /// What passed the blocks, before the last norm. x: [B, T, D], the condition first or with a cache what
  /// follows. In training mode dropout is active, sampled or as `dropout_keep` says.
  at::Tensor pass(const at::Tensor& x, const nn::DecoderPass& pass = {},
                  const at::Tensor& dropout_keep = {}) const;
  /// The last norm.
  at::Tensor normed(const at::Tensor& x) const;

 protected:
  /// The official start of condition, linear maps and norms.
  void initialise_blocks();
  /// A linear map without bias, registered under this name.
  std::shared_ptr<nn::LinearLayer> map(torch::nn::Module& owner, const char* name, int64_t in, int64_t out);
  /// Dropout by a recorded mask, or sampled.
  at::Tensor thinned(const at::Tensor& x, double p, const at::Tensor& keep) const;

 private:
  struct Block {
    at::Tensor attention_norm, ffn_norm;
    at::Tensor move_gate;  ///< of value embeddings, undefined where there are none
    std::shared_ptr<nn::LinearLayer> wqkv, wo, w1, w2, w3;
  };
  Block block(torch::nn::Module& owner);
  void register_condition();
  nn::DecoderWeights weights() const;
  at::Tensor thinned_branch(std::size_t layer, nn::Branch branch, const at::Tensor& added,
                            const at::Tensor& dropout_keep) const;

  LlamaGenOptions options_;
  nn::Decoder decoder_;
  kernels::RopeAngles rotary_;  ///< [1, 1, P + L, E / 2]
  at::Tensor classes_;          ///< [NC + 1, D]; of captions undefined
  at::Tensor null_caption_;     ///< [P, F]; of classes undefined
  std::shared_ptr<nn::LinearLayer> fc1_, fc2_;
  std::vector<Block> blocks_;
  at::Tensor norm_;  ///< [D]
};

/// The generator: each token from the condition and the tokens before it.
class LlamaGen : public LlamaGenBlocks {
 public:
  explicit LlamaGen(const LlamaGenOptions& options);

  /// What the generator reads of tokens [B, T] long: [B, T, D].
  at::Tensor embedded(const at::Tensor& ids) const;
  /// The value embeddings of tokens [B, T] behind `before` places of the condition, which has none: as
  /// nn::ValueTables'.
  std::vector<at::Tensor> value_rows(const at::Tensor& ids, int64_t before = 0) const {
    return value_tables_.rows(ids, before);
  }
  const at::Tensor& embedding() const { return embedding_; }
  /// Logits [..., V] in fp32 of normed tokens [..., D].
  at::Tensor logits_of(const at::Tensor& normed) const;

  /// All at once (teacher forcing): logits [B, L, V] of tokens ids [B, L] long. Nothing is dropped here but
  /// by dropout, in training mode. bias: of the attention in place of the causal mask; the condition's own
  /// mask when undefined.
  at::Tensor forward(const LlamaGenCondition& condition, const at::Tensor& ids,
                     const at::Tensor& dropout_keep = {}, const at::Tensor& bias = {},
                     nn::DecoderTrace* trace = nullptr) const;
  /// The normed states that the logits of forward() are of, and those of the condition before them:
  /// [B, P + L, D], of all L tokens.
  at::Tensor states(const LlamaGenCondition& condition, const at::Tensor& ids) const;
  /// The same guided: null + (condition - null) * cfg.
  at::Tensor guided_logits(const at::Tensor& labels, const at::Tensor& ids, double cfg) const;

  /// The conditions that a training pass sees: some are the null one.
  LlamaGenCondition dropped(const LlamaGenCondition& condition, const at::Tensor& uniform = {}) const;
  /// The cross-entropy over all tokens; its statistics are those of TokenScores. valid: the weight of each
  /// sample, [B]; undefined: all alike.
  runtime::Losses loss(const LlamaGenCondition& condition, const at::Tensor& ids,
                       const LlamaGenRandomInputs& random_inputs = {}, const at::Tensor& valid = {},
                       const at::Tensor& bias = {}) const;

  /// The official start: N(0, initializer_range), norms 1, the map to the logits 0.
  void initialise();
  /// The type that it computes in, for inference; logits stay in fp32. Weights become memory as it comes.
  void set_type(at::ScalarType type);

 private:
  at::Tensor embedding_;  ///< [V, D]
  std::shared_ptr<nn::LinearLayer> output_;
  nn::ValueTables value_tables_;
};

/// The patterns of TrainingOptions::no_weight_decay that the official optimiser's groups come to: all
/// parameters of fewer than two dimensions.
inline std::vector<std::string> llamagen_no_weight_decay() {
  return {"*attention_norm.weight", "*ffn_norm.weight", "norm.weight"};
}

}  // namespace arzoo::image
