#pragma once

#include <torch/nn/modules/linear.h>

namespace arzoo::nn {

/// silu(gate) * up, element by element; in inference in gate's place.
at::Tensor silu_gated(at::Tensor gate, const at::Tensor& up);

/// down(silu(gate(x)) * up(x)) without biases (SwiGLU; Shazeer, 2020).
class GatedFeedForward : public torch::nn::Module {
 public:
  GatedFeedForward(int64_t width, int64_t hidden_width);

  /// x: [..., D]; returns [..., D].
  at::Tensor forward(const at::Tensor& x);

 private:
  torch::nn::Linear gate_proj_{nullptr}, up_proj_{nullptr}, down_proj_{nullptr};
};

}  // namespace arzoo::nn
