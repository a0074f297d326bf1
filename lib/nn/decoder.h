#pragma once

#include <torch/nn/module.h>

#include <vector>

#include "kernels/rope.h"
#include "nn/decoder_options.h"
#include "nn/kv_cache.h"

/// The decoder-only transformer that sequence models of any family plug into: how tokens mix, the
/// feed-forward layer, normalisation, residual and positions are chosen by options; what tokens are embedded
/// from and read out to is the model's.
///
/// The core computes on weights that its user owns, so that each model registers them under its official
/// names and in its official layout; GptBlocks keeps them under GPT-2's. B batch, T tokens, D width, H heads,
/// E head width, F hidden width.
namespace arzoo::nn {

/// A linear map or a normalisation: weight [out, in] (of a normalisation [D]), bias [out] or undefined.
struct Affine {
  at::Tensor weight, bias;
};

/// One block. What the options leave out is undefined.
struct BlockWeights {
  Affine norm_1, norm_2;
  Affine qkv;          ///< to [query | key | value], [3 H E, D]
  Affine projection;   ///< [D, H E]
  Affine up, down;     ///< [F, D], [D, F]
  Affine gate;         ///< of a gated feed-forward layer, [F, D]
  at::Tensor lambdas;  ///< of a mesa layer, [H]
};

struct DecoderWeights {
  at::Tensor positions;  ///< learned ones, [most tokens, D]
  kernels::RopeAngles
      rotary;  ///< of all places, [1, 1, most tokens, E/2]; undefined: of places 0, 1, … in a line
  std::vector<BlockWeights> blocks;
  Affine norm;  ///< of the output; undefined for none
};

/// Intermediate results of the blocks, for traces and probes.
struct DecoderTrace {
  std::vector<at::Tensor> hidden;  ///< embedded tokens with their positions, then after each block: [B, T, D]
  std::vector<at::Tensor> attention;  ///< each block's weights, [B, H, T, T]; none of a mesa layer
};

/// What a generation remembers between calls: keys and values of softmax attention.
struct DecoderCache {
  DecoderCache(int64_t layers, int64_t capacity)
      : layers(static_cast<std::size_t>(layers), KvCache(capacity)) {}
  int64_t length() const { return layers.front().length(); }

  std::vector<KvCache> layers;
};

/// x: embedded tokens, [B, T, D]; with a cache, those that follow what it holds. Returns [B, T, D]. Throws
/// std::logic_error for a cache without softmax attention.
at::Tensor decode(const at::Tensor& x, const DecoderWeights& weights, const DecoderOptions& options,
                  DecoderCache* cache = nullptr, DecoderTrace* trace = nullptr);

/// Blocks under GPT-2's names: wpe, h.<i>.{ln_1, attn.c_attn, attn.c_proj, ln_2, mlp.c_fc, mlp.c_proj}, ln_f;
/// a gated layer has mlp.c_gate besides, a mesa layer attn.lambdas.
class GptBlocks : public torch::nn::Module {
 public:
  /// How the official file stores linear maps.
  enum class Layout {
    output_major,  ///< [out, in], as nanoGPT
    input_major    ///< [in, out], as GPT-2's Conv1D
  };

  /// tokens: the most that learned positions reach.
  GptBlocks(const DecoderOptions& options, int64_t tokens, Layout layout);

  /// As decode().
  at::Tensor forward(const at::Tensor& x, DecoderCache* cache = nullptr, DecoderTrace* trace = nullptr) const;
  /// GPT-2's: N(0, 0.02), what ends in a residual N(0, 0.02 / sqrt(2 n_layer)), biases 0, normalisations 1.
  void initialise();
  /// What decode() computes on, [out, in] whatever the layout.
  DecoderWeights weights() const;

 private:
  Affine linear(torch::nn::Module& owner, const std::string& name, int64_t in, int64_t out) const;
  Affine norm(torch::nn::Module& owner, const std::string& name) const;
  BlockWeights block(torch::nn::Module& owner) const;

  DecoderOptions options_;
  Layout layout_;
  DecoderWeights stored_;  ///< the parameters themselves
};

}  // namespace arzoo::nn
