#pragma once

#include "icl/in_context_learner.h"
#include "icl/mesa_transformer.h"
#include "nn/decoder.h"

namespace arzoo::icl {

/// Attention layers on the tokens of a linear dynamical system, under the official flax parameter paths. All
/// kernels are [in, out], heads side by side.
class MesaLearner : public InContextLearner {
 public:
  /// width: of a token.
  MesaLearner(const MesaTransformerOptions& options, int64_t width);

  /// tokens: [B, T, D]; returns [B, T, D]. trace: its hidden states are the tokens and then each layer's.
  at::Tensor forward(const at::Tensor& tokens, nn::DecoderTrace* trace = nullptr) const;
  /// sum of (x_{t+1} - prediction)^2 / 2 B T; a prediction is the first coordinates of a token. labels: [B,
  /// T, d].
  at::Tensor loss(const at::Tensor& tokens, const at::Tensor& labels) const;
  void initialise() override;

 private:
  struct Layer {
    at::Tensor query, key, value, out;
    at::Tensor lambdas;  ///< of a mesa layer
  };
  Layer layer(const std::string& path, const std::string& kind);
  static nn::DecoderWeights weights(std::span<const Layer> layers);

  MesaTransformerOptions options_;
  int64_t width_;
  nn::Decoder hybrid_, decoder_;
  std::vector<Layer> layers_;  ///< the hybrid one first
};

}  // namespace arzoo::icl
