#pragma once

#include "image/eagle.h"
#include "image/llamagen_model.h"

namespace arzoo::image {

/// The drafter of EAGLE (Li et al., ICML 2024) as LANTERN trains it for LlamaGen: it predicts the target's
/// next normed state from a token and the state before it, by one block of the LLaMA line without the first
/// norm. Codes are read off the predicted state by the target's own map. Names are those of the official
/// files. B rows, T tokens, D width.
///
/// Place i turns as the picture's token i; places behind the picture do not turn.
class EagleHead : public torch::nn::Module {
 public:
  /// The weights are memory as it comes until they are loaded or initialised.
  explicit EagleHead(const EagleOptions& options);

  const EagleOptions& options() const { return options_; }
  /// The official start: PyTorch's default linear maps, and the target's embedding, which stays as it is.
  void start_from(const LlamaGen& target);
  /// The type that it computes in, for inference. Weights become memory as it comes.
  void set_type(at::ScalarType type);

  /// The states after tokens `ids`, [B, T] long, as predicted from them and the states `before` them,
  /// [B, T, D]; places: [T], of the tokens in the picture.
  at::Tensor forward(const at::Tensor& ids, const at::Tensor& before, const std::vector<int64_t>& places,
                     nn::DecoderPass pass = {}) const;

 private:
  nn::DecoderWeights weights() const;

  EagleOptions options_;
  nn::Decoder decoder_;
  kernels::RopeAngles rotary_;
  at::Tensor embedding_, norm_;  ///< [V, D]; [D]
  std::shared_ptr<nn::LinearLayer> fc_, query_, key_, value_, projection_, gate_, up_, down_;
};

}  // namespace arzoo::image
