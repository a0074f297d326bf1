#pragma once

#include <functional>
#include <memory>
#include <string>

#include "kernels/attention.h"
#include "kernels/rope.h"
#include "nn/affine.h"
#include "nn/causal_convolution.h"
#include "nn/kv_cache.h"
#include "nn/sparse_experts.h"
#include "nn/split_heads.h"

/// One block of a transformer as a function of weights that some module owns, under its official names and in
/// its official layout. B batch, T tokens, S keys, D width, H heads, G heads of keys and values, E head
/// width, F hidden width.
namespace arzoo::nn {

/// What a block is made of. The names are the options of nn/decoder_options.h.
struct BlockOptions {
  int64_t heads = 1;
  int64_t kv_heads = 0;                    ///< shared by groups of query heads; 0: as many as `heads`
  FusedHeads fused = FusedHeads::by_part;  ///< where queries, keys and values are one map
  bool causal = false;
  std::string attention = "softmax";
  std::string feed_forward = "gelu";
  std::string norm = "layer_norm";
  std::string residual = "pre_norm";
  double norm_eps = 1e-5;
  double attention_scale = 0.0;    ///< of the scores; 0: 1 / sqrt(E)
  double attention_dropout = 0.0;  ///< on the probabilities
  double dropout = 0.0;            ///< on each branch, and on the hidden layer unless it is gated
};

/// What the options leave out is undefined.
struct BlockWeights {
  Affine norm_1, norm_2;
  Affine qkv;                   ///< one map to queries, keys and values, [(H + 2 G) E, D]; or
  Affine query, key, value;     ///< a map each
  Affine projection;            ///< [D, H E]
  Affine up, down;              ///< [F, D], [D, F]
  Affine gate;                  ///< of a gated feed-forward layer, [F, D]
  at::Tensor scale_1, scale_2;  ///< of the branches (LayerScale; Touvron et al., ICCV 2021), [D]
  at::Tensor lambdas;           ///< of a mesa layer, [H]
  /// Taps of the causal convolutions behind the maps to queries, keys and values (So et al., Primer, 2021),
  /// [K, H E] or [K, G E]; undefined: none.
  at::Tensor query_taps, key_taps, value_taps;
  Affine query_of_key;   ///< queries are this map of the keys, [H E, G E], instead of one of x
  at::Tensor move_gate;  ///< of value embeddings (nn/value_embeddings.h), [G (M + 1), D]
  std::shared_ptr<SparseExperts> experts;
};

/// Intermediate results, for traces and probes.
struct BlockTrace {
  at::Tensor normed;        ///< what attention reads, [B, T, D]
  at::Tensor keys, values;  ///< all so far, [B, G, S, E]
  at::Tensor attention;     ///< its weights, [B, H, T, S]; none of a mesa layer
  at::Tensor attended;      ///< what attention adds, [B, T, D]
  at::Tensor fed;           ///< what the feed-forward layer adds, [B, T, D]
  Routing routing;          ///< where experts are the feed-forward layer
};

enum class Branch { attention, feed_forward };

/// What one call reads and collects besides its tokens.
struct BlockPass {
  kernels::RopeAngles angles = {};  ///< of the first channels of each head; undefined: no rotary positions
  at::Tensor bias = {};             ///< added to the scores instead of the causal mask, [B or 1, 1, T, S]
  at::Tensor queries = {};          ///< [B, Q] long, whose results attention() is asked for; undefined: all
  KvCache* cache = nullptr;         ///< the tokens before these, to which they are added
  at::Tensor place = {};            ///< [1] long, where the one token goes in the cache (KvCache::append_at);
                                    ///< undefined: behind the others
  ConvolutionStates* convolutions = nullptr;  ///< what the convolutions still see of the tokens before these
  at::Tensor value_rows = {};  ///< of the tokens' value embeddings, [B, T, M, G, E]; undefined: none
  /// In place of the options' attention. x: what attention reads, [B, T, D]; returns [B, H, T, E].
  std::function<at::Tensor(const QkvHeads& heads, const at::Tensor& x)> mix = {};
  bool training = false;  ///< dropout is active
  /// What becomes of a branch, [B, T, D], before it is added: a model's own dropout or stochastic depth.
  std::function<at::Tensor(Branch branch, const at::Tensor& added)> thinned = {};
  Routing* routing = nullptr;  ///< receives the router's choice where there are experts
  /// When given, softmax attention takes the official code's steps instead of a kernel's, without dropout.
  BlockTrace* trace = nullptr;
};

/// x + attention(norm_1(x)), then + feed_forward(norm_2(x)), or as the options say. They are looked up once,
/// when it is made. Throws std::logic_error for an unknown name.
class TransformerBlock {
 public:
  explicit TransformerBlock(const BlockOptions& options);

  /// x: [B, T, D]; returns [B, T, D].
  at::Tensor forward(const at::Tensor& x, const BlockWeights& weights, const BlockPass& pass = {}) const;
  /// One branch without norm and residual. x: [B, T, D]; returns [B, T or Q, D].
  at::Tensor attention(const at::Tensor& x, const BlockWeights& weights, const BlockPass& pass = {}) const;
  at::Tensor feed_forward(const at::Tensor& x, const BlockWeights& weights, const BlockPass& pass = {}) const;
  /// The options' norm with these weights; x itself where there are none.
  at::Tensor norm(const at::Tensor& x, const Affine& weights) const;

  /// What a branch reads and what it is added to: the token x or norm(x).
  struct Residual {
    bool reads_normed, adds_to_normed;
    bool parallel = false;    ///< both branches read the block's input
    bool norms_fed = false;   ///< x + norm(g(x)) for the feed-forward layer
    bool norms_sums = false;  ///< norm(x + f(x))
  };
  using Norm = at::Tensor (*)(const at::Tensor& x, const Affine& weights, double eps);
  using Mix = at::Tensor (*)(const QkvHeads& heads, const BlockWeights& weights,
                             const kernels::AttentionMode& mode, BlockTrace* trace);
  using FeedForward = at::Tensor (*)(const at::Tensor& x, const BlockWeights& weights, double dropout,
                                     const BlockPass& pass);

 private:
  QkvHeads projected(const at::Tensor& x, const BlockWeights& weights, const BlockPass& pass) const;
  QkvHeads with_convolutions(const at::Tensor& x, const BlockWeights& weights, const BlockPass& pass) const;
  at::Tensor sum(const at::Tensor& x, const at::Tensor& branch, const at::Tensor& scale,
                 const BlockPass& pass) const;

  BlockOptions options_;
  Norm norm_;
  Mix mix_;
  FeedForward feed_forward_;  ///< null for none
  Residual residual_;
};

}  // namespace arzoo::nn
