#pragma once

#include <torch/nn/module.h>

#include <functional>
#include <vector>

#include "nn/decoder_options.h"
#include "nn/relative_bias.h"
#include "nn/transformer_block.h"
#include "runtime/step_graph.h"

/// The decoder-only transformer that sequence models of any family plug into: how tokens mix, the
/// feed-forward layer, normalisation, residual and positions are chosen by options; what tokens are embedded
/// from and read out to is the model's.
///
/// It computes on weights that its user owns (nn/transformer_block.h). B batch, T tokens, D width, H heads, E
/// head width.
namespace arzoo::nn {

struct DecoderWeights {
  at::Tensor positions;  ///< learned ones, [most tokens, D]
  kernels::RopeAngles
      rotary;  ///< of all places, [1, 1, most tokens, E/2]; undefined: of places 0, 1, … in a line
  at::Tensor relative_bias;  ///< of all layers, [buckets, H]
  std::vector<BlockWeights> blocks;
  Affine norm;  ///< of the output; undefined for none
};

/// Intermediate results, for traces and probes.
struct DecoderTrace {
  std::vector<at::Tensor> hidden;  ///< embedded tokens with their positions, then after each block: [B, T, D]
  std::vector<BlockTrace> blocks;
};

struct DecoderStep;

/// What a generation remembers between calls: keys and values of softmax attention, and what its convolutions
/// still see.
struct DecoderCache {
  DecoderCache(int64_t layers, int64_t capacity)
      : layers(static_cast<std::size_t>(layers), KvCache(capacity)),
        convolutions(static_cast<std::size_t>(layers)) {}
  /// Tokens so far: as many as the layers hold that were not skipped.
  int64_t length() const;
  /// As KvCache's, of all layers.
  void truncate(int64_t length);
  void keep_tokens(int64_t length, const at::Tensor& places);
  void select_rows(const at::Tensor& rows);

  std::vector<KvCache> layers;
  std::vector<ConvolutionStates> convolutions;
  /// What records the steps of one token (runtime/step_graph.h); where it is empty, what the device has.
  runtime::RecorderFunction recorder = {};
  std::shared_ptr<DecoderStep> step = {};  ///< the recording
};

/// One layer of a pass, to be called with its tokens.
using DecoderLayer = std::function<at::Tensor(const at::Tensor& x)>;

/// What one pass reads and collects besides its tokens.
struct DecoderPass {
  DecoderCache* cache = nullptr;   ///< the tokens before these, to which they are added
  DecoderTrace* trace = nullptr;   ///< as BlockPass::trace
  at::Tensor attention_mask = {};  ///< [B, past + T], 0 where there is padding; undefined: nowhere
  at::Tensor position_ids = {};    ///< [T] or [B, T] long; undefined: past, past + 1, …
  at::Tensor bias = {};            ///< as BlockPass's: added to the scores in place of any other mask
  bool training = false;           ///< dropout is active
  std::vector<Routing>* routing =
      nullptr;  ///< receives each layer's, where experts are its feed-forward layer
  /// As BlockPass's, of each layer.
  std::function<at::Tensor(std::size_t layer, Branch branch, const at::Tensor& added)> thinned = {};
  std::vector<at::Tensor> value_rows = {};  ///< as BlockPass's: one for all layers, or one for each
  /// In place of the options' attention, by layer (BlockPass::mix).
  std::function<at::Tensor(std::size_t layer, const QkvHeads& heads, const at::Tensor& x)> mix = {};
  /// Around each layer: what becomes of the tokens that reach it, which may be to call it with some of them
  /// or not at all.
  std::function<at::Tensor(std::size_t layer, const at::Tensor& x, const DecoderLayer& run)> around = {};
};

class Decoder {
 public:
  explicit Decoder(const DecoderOptions& options);

  /// x: embedded tokens, [B, T, D]; with a cache, those that follow what it holds. Returns [B, T, D]. Throws
  /// std::logic_error for a cache without softmax attention.
  at::Tensor forward(const at::Tensor& x, const DecoderWeights& weights, const DecoderPass& pass = {}) const;

  /// Where the tokens of a pass stand: at `ids`, or one behind the other where they are undefined.
  struct Places {
    int64_t first, count;
    at::Tensor ids;
  };
  using Positions = at::Tensor (*)(const at::Tensor& x, const DecoderWeights& weights, const Places& places);

 private:
  kernels::RopeAngles scaled_angles(const at::Tensor& ids, const Places& places, at::ScalarType type) const;
  BlockPass block_pass(const at::Tensor& x, const DecoderWeights& weights, const DecoderPass& pass,
                       const Places& places) const;
  at::Tensor recomputed(const at::Tensor& x, const BlockWeights& weights, const BlockPass& pass) const;
  bool can_record(const at::Tensor& x, const DecoderWeights& weights, const DecoderPass& pass) const;
  at::Tensor recorded_step(const at::Tensor& x, const DecoderWeights& weights, DecoderCache& cache,
                           const runtime::RecorderFunction& recorder) const;
  at::Tensor step_at(const at::Tensor& x, const DecoderWeights& weights, DecoderCache& cache,
                     const at::Tensor& place) const;

  TransformerBlock block_;
  Positions add_positions_;  ///< null where nothing is added
  bool has_cache_, rotary_, experts_, interleaved_;
  int64_t rotary_width_;
  double rope_theta_;
  RopeScalingOptions rope_scaling_;
  RelativeBias relative_;  ///< used where the weights have a table
};

}  // namespace arzoo::nn
