#pragma once

#include "nn/affine.h"

namespace arzoo::nn {

/// down(silu(gate(x)) * up(x)) (SwiGLU; Shazeer, GLU variants, 2020). x: [..., D]; returns [..., D].
at::Tensor gated_feed_forward(const at::Tensor& x, const Affine& gate, const Affine& up, const Affine& down);

/// The same as a layer without biases, under the names of the LLaMA line.
class GatedFeedForward : public torch::nn::Module {
 public:
  GatedFeedForward(int64_t width, int64_t hidden_width);

  /// x: [..., D]; returns [..., D].
  at::Tensor forward(const at::Tensor& x);

  Affine gate() const { return Affine::of(gate_proj_); }
  Affine up() const { return Affine::of(up_proj_); }
  Affine down() const { return Affine::of(down_proj_); }

 private:
  torch::nn::Linear gate_proj_{nullptr}, up_proj_{nullptr}, down_proj_{nullptr};
};

}  // namespace arzoo::nn
