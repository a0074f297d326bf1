#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nn/decoder.h"
#include "nn/linear_layer.h"

namespace arzoo::language {

/// What a decoder's parts are called in its official files; empty: it has none of that.
struct DecoderNames {
  std::string embedding, layers, norm_1, norm_2, attention;
  std::string query, key, value;  ///< a map each, or
  std::string fused;              ///< one map
  std::string projection, feed_forward, gate, up, down, norm;
};
/// model.* of LLaMA and Qwen2, gpt_neox.* of GPT-NeoX.
extern const DecoderNames kLlamaNames, kNeoxNames;

/// Which of a decoder's maps have a bias.
struct DecoderBiases {
  bool qkv = false, projection = false, feed_forward = false;
};

/// An embedding and the blocks of an nn::Decoder under the names of a line of checkpoints, with
/// nn::LinearLayers as its maps, so that LoRA, int8 and bf16 weights apply.
class NamedDecoder : public torch::nn::Module {
 public:
  /// reads_tokens: whether its embedding is used; checkpoints have one in any case, which is a buffer then.
  NamedDecoder(const nn::DecoderOptions& options, const DecoderNames& names, const DecoderBiases& biases,
               int64_t vocabulary, bool reads_tokens = true);

  /// ids: [B, T]; returns [B, T, D].
  at::Tensor embedded(const at::Tensor& ids) const { return at::embedding(embedding_, ids); }
  /// The value embeddings of tokens, [B, T, M, G, E]; undefined where there are none.
  at::Tensor value_rows(const at::Tensor& ids) const;
  /// As nn::Decoder's.
  at::Tensor forward(const at::Tensor& x, const nn::DecoderPass& pass = {}) const;
  const at::Tensor& embedding() const { return embedding_; }
  const nn::DecoderOptions& options() const { return options_; }
  /// What the decoder computes on.
  nn::DecoderWeights weights() const;
  /// N(0, 0.02), biases and gates 0, norms 1.
  void initialise();

 private:
  /// The maps of a block, which remember what LoRA adds to them.
  struct Maps {
    std::shared_ptr<nn::LinearLayer> query, key, value, fused, projection, gate, up, down;
  };

  nn::Affine norm(torch::nn::Module& owner, const std::string& name) const;
  void add_block(torch::nn::Module& owner, const DecoderNames& names, const DecoderBiases& biases);

  nn::DecoderOptions options_;
  nn::Decoder decoder_;
  at::Tensor embedding_;
  at::Tensor value_bank_;     ///< [V, M * G * E]
  nn::DecoderWeights norms_;  ///< without the maps
  std::vector<Maps> maps_;
};

}  // namespace arzoo::language
