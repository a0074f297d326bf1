#pragma once

#include "nn/linear_layer.h"

namespace arzoo::nn {

/// Sinusoids of times, [N, width]: the cosines first, then the sines, of t 10000^(-k / (width / 2)), in fp32.
/// t: [N], any type. width must be even.
at::Tensor time_sinusoids(const at::Tensor& t, int64_t width);

/// Time as diffusion transformers see it (Peebles & Xie, DiT, ICCV 2023): sinusoids of width 256 through a
/// linear map, SiLU and another, under the official names mlp.0 and mlp.2.
class TimestepEmbedder : public torch::nn::Module {
 public:
  static constexpr int64_t kSinusoids = 256;

  explicit TimestepEmbedder(int64_t width);

  /// t: [N]; returns [N, width].
  at::Tensor forward(const at::Tensor& t) const;
  /// Both weights, to be initialised from N(0, 0.02).
  std::vector<at::Tensor> weights() const { return {first_->weight(), second_->weight()}; }

 private:
  std::shared_ptr<LinearLayer> first_, second_;
};

}  // namespace arzoo::nn
