#pragma once

#include <functional>
#include <optional>
#include <string>

#include "kernels/packed_weights.h"
#include "nn/decoder.h"

namespace arzoo::nn {

/// A decoder's blocks under GPT-2's names: wpe, h.<i>.{ln_1, attn.c_attn, attn.c_proj, ln_2, mlp.c_fc,
/// mlp.c_proj}, ln_f; a gated layer has mlp.c_gate besides, a mesa layer attn.lambdas.
class GptBlocks : public torch::nn::Module, public kernels::PackedForInference {
 public:
  /// How the official file stores linear maps.
  enum class Layout {
    output_major,  ///< [out, in], as nanoGPT
    input_major    ///< [in, out], as GPT-2's Conv1D
  };

  /// Registers the map `name` with `owner` and returns it: for maps that are not dense.
  using MakeMap =
      std::function<Affine(torch::nn::Module& owner, const std::string& name, int64_t in, int64_t out)>;

  /// tokens: the most that learned positions reach. make_map: of all maps; a dense one by default.
  GptBlocks(const DecoderOptions& options, int64_t tokens, Layout layout, MakeMap make_map = {});

  /// As Decoder::forward.
  at::Tensor forward(const at::Tensor& x, const DecoderPass& pass = {}) const;
  /// GPT-2's: N(0, 0.02), what ends in a residual N(0, 0.02 / sqrt(2 n_layer)), biases 0, normalisations 1.
  void initialise();
  void pack() override;
  std::vector<kernels::QuantizableWeight> quantizable(Quantization form) const override;
  void take_packed(const std::string& name, const at::Tensor& packed) override;
  /// What the decoder computes on, [out, in] whatever the layout; once they are packed, the packed maps.
  DecoderWeights weights() const;

 private:
  Affine linear(torch::nn::Module& owner, const std::string& name, int64_t in, int64_t out) const;
  Affine norm(torch::nn::Module& owner, const std::string& name) const;
  BlockWeights block(torch::nn::Module& owner) const;
  DecoderWeights output_major_weights() const;
  /// Each dense map among the weights, and the parameter that it is of.
  void for_each_dense_map(DecoderWeights& weights,
                          const std::function<void(Affine& map, const at::Tensor& stored)>& visit) const;

  DecoderOptions options_;
  Decoder decoder_;
  Layout layout_;
  MakeMap make_map_;
  DecoderWeights stored_;  ///< the parameters themselves
  std::optional<DecoderWeights> packed_;
};

}  // namespace arzoo::nn
