#include "nn/gated_feed_forward.h"

#include <torch/torch.h>

#include "nn/linear.h"

namespace arzoo::nn {

at::Tensor silu_gated(at::Tensor gate, const at::Tensor& up) {
  return at::GradMode::is_enabled() ? at::silu(gate) * up : at::silu_(gate).mul_(up);
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
  const auto hidden = silu_gated(nn::linear(x, gate_proj_->weight, {}), nn::linear(x, up_proj_->weight, {}));
  return nn::linear(hidden, down_proj_->weight, {});
}

}  // namespace arzoo::nn
