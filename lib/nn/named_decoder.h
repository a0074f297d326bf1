#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nn/decoder.h"
#include "nn/linear_layer.h"
#include "nn/value_embeddings.h"

namespace arzoo::nn {

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

/// An embedding and the blocks of an Decoder under the names of a line of checkpoints, with
/// LinearLayers as its maps, so that LoRA, bf16 weights and those in 8 or 4 bits apply.
class NamedDecoder : public torch::nn::Module {
 public:
  /// reads_tokens: whether its embedding is used; checkpoints have one in any case, which is a buffer then.
  NamedDecoder(const DecoderOptions& options, const DecoderNames& names, const DecoderBiases& biases,
               int64_t vocabulary, bool reads_tokens = true);

  /// ids: [B, T]; returns [B, T, D].
  at::Tensor embedded(const at::Tensor& ids) const { return at::embedding(embedding_, ids); }
  /// The value embeddings of tokens [B, T], as ValueTables'.
  std::vector<at::Tensor> value_rows(const at::Tensor& ids) const { return value_tables_.rows(ids); }
  /// As Decoder's.
  at::Tensor forward(const at::Tensor& x, const DecoderPass& pass = {}) const;
  const at::Tensor& embedding() const { return embedding_; }
  const DecoderOptions& options() const { return options_; }
  /// What the decoder computes on.
  DecoderWeights weights() const;
  /// N(0, 0.02), biases and gates 0, norms 1.
  void initialise();

 private:
  /// The maps of a block, which remember what LoRA adds to them.
  struct Maps {
    std::shared_ptr<LinearLayer> query, key, value, fused, projection, gate, up, down;
  };

  Affine norm(torch::nn::Module& owner, const std::string& name) const;
  void add_block(torch::nn::Module& owner, const DecoderNames& names, const DecoderBiases& biases);

  DecoderOptions options_;
  Decoder decoder_;
  at::Tensor embedding_;
  ValueTables value_tables_;
  DecoderWeights norms_;  ///< without the maps
  std::vector<Maps> maps_;
};

}  // namespace arzoo::nn
