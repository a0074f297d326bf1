#include "nn/gated_feed_forward.h"

#include <torch/torch.h>

#include "kernels/silu_gated.h"

namespace arzoo::nn {

at::Tensor gated_feed_forward(const at::Tensor& x, const Affine& gate, const Affine& up, const Affine& down) {
  return linear(kernels::silu_gated(linear(x, gate), linear(x, up)), down);
}

GatedFeedForward::GatedFeedForward(int64_t width, int64_t hidden_width) {
  const auto map = [&](const char* name, int64_t in, int64_t out) {
    return register_module(name, torch::nn::Linear(torch::nn::LinearOptions(in, out).bias(false)));
  };
  gate_proj_ = map("gate_proj", width, hidden_width);
  up_proj_ = map("up_proj", width, hidden_width);
  down_proj_ = map("down_proj", hidden_width, width);
}

at::Tensor GatedFeedForward::forward(const at::Tensor& x) {
  return gated_feed_forward(x, gate(), up(), down());
}

}  // namespace arzoo::nn
