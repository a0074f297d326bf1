#pragma once

#include "nn/decoder.h"
#include "nn/linear_layer.h"
#include "nn/token_decoding.h"
#include "runtime/losses.h"
#include "runtime/other_names.h"
#include "shape3d/argus3d.h"

namespace arzoo::shape3d {

/// The class-conditional GPT of Argus3D, with the official names. B shapes, L tokens of one, D width, V
/// codes.
///
/// It reads the class, a start token, then the tokens. The class has no position. The output's map is the
/// embedding (z_value_dec.weight in the released files).
class Argus3d : public torch::nn::Module, public runtime::OtherNames {
 public:
  /// The weights are memory as it comes until they are loaded or initialised.
  explicit Argus3d(const Argus3dOptions& options);

  const Argus3dOptions& options() const { return options_; }

  /// All at once (teacher forcing): logits [B, L, V] of tokens ids [B, L] long. labels: [B] long. trace:
  /// hidden states of "block0", … and what the logits are of, "dec", with the class's and the start's places.
  at::Tensor forward(const at::Tensor& labels, const at::Tensor& ids, runtime::Trace* trace = nullptr) const;
  /// Cross-entropy over all tokens.
  runtime::Losses loss(const at::Tensor& labels, const at::Tensor& ids) const;

  /// The class and the start, [B, 2, D].
  at::Tensor begin(const at::Tensor& labels) const;
  /// What the blocks read of tokens [B, T] long, the first of which is number `first` of its shape.
  at::Tensor embedded(const at::Tensor& ids, int64_t first) const;
  /// What passed blocks and head, [B, T, D].
  at::Tensor pass(const at::Tensor& x, const nn::DecoderPass& pass = {}) const;
  /// Logits [..., V] in fp32 of what passed.
  at::Tensor logits_of(const at::Tensor& passed) const;

  /// The official start: N(0, 0.02), biases 0.
  void initialise();
  /// The type that it computes in, for inference; logits stay in fp32. Weights become memory as it comes.
  void set_type(at::ScalarType type);

  std::vector<std::pair<std::string, std::string>> other_names() const override {
    return {{"z_value_dec.weight", ""}};
  }

 private:
  struct Block {
    torch::nn::LayerNorm ln1{nullptr}, ln2{nullptr};
    std::shared_ptr<nn::LinearLayer> key, query, value, proj, up, down;
  };
  nn::DecoderWeights weights() const;

  Argus3dOptions options_;
  nn::Decoder decoder_;
  at::Tensor value_start_, bias_value_;             ///< [1, D], [V]
  at::Tensor embedding_, positions_, class_table_;  ///< [V, D], [position_num + 1, D], [classes, D]
  std::vector<Block> blocks_;
  torch::nn::LayerNorm head_ln1_{nullptr}, head_ln2_{nullptr};
  std::shared_ptr<nn::LinearLayer> head_dense_;
};

/// A generation in progress. Its prompt is the class, [B, 1] long.
class Argus3dStream : public nn::TokenStream {
 public:
  /// The model must outlive it.
  explicit Argus3dStream(const Argus3d& model);
  at::Tensor read(const at::Tensor& ids) override;

 private:
  const Argus3d& model_;
  nn::DecoderCache cache_;
};

/// Throws CheckpointError unless the output's map, where the tensors have one, is the embedding.
void require_tied(const runtime::NamedTensors& tensors);

}  // namespace arzoo::shape3d
