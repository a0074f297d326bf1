#pragma once

#include "core/config.h"
#include "distill/final_layer.h"
#include "nn/decoder.h"
#include "nn/linear_layer.h"

/// LlamaGen (Sun et al., 2024) as Distilled Decoding uses it: the teacher and the student of Distilled
/// Decoding 1, under their official names. B samples, L tokens, D width, C width of a code vector, V codes,
/// NC classes; NC itself is the null class.
namespace arzoo::distill {

struct LlamaGenOptions {
  int64_t dim = 768;
  int64_t n_layer = 12;
  int64_t n_head = 12;
  int64_t vocab_size = 16384;
  int64_t block_size = 256;
  int64_t num_classes = 1000;
  int64_t codebook_dim = 8;
  int64_t multiple_of = 256;
  double norm_eps = 1e-5;

  static void fields(auto& o, auto& field) {
    field("dim", o.dim, at_least(1), "width of a token");
    field("n_layer", o.n_layer, between(1, 1024), "number of transformer blocks");
    field("n_head", o.n_head, at_least(1), "number of attention heads");
    field("vocab_size", o.vocab_size, at_least(1), "number of codes");
    field("block_size", o.block_size, at_least(1), "number of tokens of a picture, a square number");
    field("num_classes", o.num_classes, at_least(1), "number of classes, without the null class");
    field("codebook_dim", o.codebook_dim, at_least(1), "width of a code vector");
    field("multiple_of", o.multiple_of, at_least(1),
          "the width of the feed-forward layer is rounded up to a multiple of this");
    field("norm_eps", o.norm_eps, more_than(0), "added to the mean square in normalisation");
  }
  void check() const {
    require(dim % n_head == 0 && dim / n_head % 4 == 0,
            "dim ({}) must be n_head ({}) times a multiple of 4, since rows and columns rotate pairs", dim,
            n_head);
  }
  int64_t hidden_width() const {
    const int64_t least = 2 * 4 * dim / 3;
    return (least + multiple_of - 1) / multiple_of * multiple_of;
  }
};

/// The class's embedding and the blocks: what teacher, student and score networks share.
///
/// The class token comes first. Its row of the rotary table is zero, so that its query and key are, which is
/// a quirk of LlamaGen's that its weights have learnt.
class LlamaGenBlocks : public torch::nn::Module {
 public:
  explicit LlamaGenBlocks(const LlamaGenOptions& options);

  /// Of labels [B] long in [0, NC]: [B, 1, D].
  at::Tensor class_tokens(const at::Tensor& labels) const;
  /// What passed the blocks, before the last norm. x: [B, T, D], the class first or with a cache what
  /// follows. trace: collects each block's output.
  at::Tensor pass(const at::Tensor& x, nn::DecoderCache* cache = nullptr,
                  nn::DecoderTrace* trace = nullptr) const;
  /// The last norm.
  at::Tensor normed(const at::Tensor& x) const;
  const LlamaGenOptions& options() const { return options_; }

 private:
  nn::BlockWeights block(torch::nn::Module& owner) const;

  LlamaGenOptions options_;
  nn::Decoder decoder_;
  nn::DecoderWeights weights_;
  at::Tensor classes_;  ///< [NC + 1, D]
  at::Tensor norm_;     ///< [D]
};

/// The teacher: token i from the class and the tokens before it.
class LlamaGen : public LlamaGenBlocks {
 public:
  explicit LlamaGen(const LlamaGenOptions& options);

  /// All at once: logits [B, L, V] of tokens ids [B, L] long, guided: null + (class - null) * cfg.
  at::Tensor guided_logits(const at::Tensor& labels, const at::Tensor& ids, double cfg) const;
  /// Those of the token after `ids`, [B, 1] long (undefined: of the first), [B, V]; the rest is in the cache.
  at::Tensor next_logits(const at::Tensor& labels, const at::Tensor& ids, double cfg,
                         nn::DecoderCache& cache) const;

 private:
  at::Tensor logits(const at::Tensor& x, double cfg, nn::DecoderCache* cache) const;

  at::Tensor embedding_;  ///< [V, D]
  std::shared_ptr<nn::LinearLayer> output_;
};

/// The student of Distilled Decoding 1 (official class DDTransformer): token i stands at its own place, as a
/// code vector or as noise.
class Dd1LlamaGen : public LlamaGenBlocks {
 public:
  explicit Dd1LlamaGen(const LlamaGenOptions& options);

  struct Prediction {
    at::Tensor logits;      ///< [B, L, V]
    at::Tensor continuous;  ///< [B, L, C]
  };
  /// tokens: [B, L, C], of which the first t are data.
  Prediction forward(const at::Tensor& labels, const at::Tensor& tokens, int64_t t,
                     nn::DecoderTrace* trace = nullptr) const;

 private:
  std::shared_ptr<nn::LinearLayer> tok_embeddings_, output_;
  std::shared_ptr<FinalLayer> final_;
  at::Tensor n_d_embed_;  ///< [2, D]: noise, data
};

}  // namespace arzoo::distill
