#include "shape3d/resnet_block_fc.h"

#include <torch/torch.h>

#include <algorithm>

#include "shape3d/linear_start.h"

namespace arzoo::shape3d {

ResnetBlockFc::ResnetBlockFc(int64_t in, int64_t out) {
  const int64_t hidden = std::min(in, out);
  fc_0_ = register_module("fc_0", std::make_shared<nn::LinearLayer>(in, hidden));
  fc_1_ = register_module("fc_1", std::make_shared<nn::LinearLayer>(hidden, out));
  if (in != out)
    shortcut_ = register_module("shortcut", std::make_shared<nn::LinearLayer>(in, out, /*with_bias=*/false));
}

at::Tensor ResnetBlockFc::forward(const at::Tensor& x) const {
  const auto added = fc_1_->forward(fc_0_->forward(x.relu(), kernels::Activation::relu));
  return (shortcut_ == nullptr ? x : shortcut_->forward(x)) + added;
}

void ResnetBlockFc::initialise() {
  const torch::NoGradGuard no_grad;
  for (const auto& layer : {fc_0_, fc_1_, shortcut_}) {
    if (layer != nullptr) initialise_default(*layer);
  }
  at::Tensor(fc_1_->weight()).zero_();
}

}  // namespace arzoo::shape3d
