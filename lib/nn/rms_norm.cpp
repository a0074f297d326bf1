#include "nn/rms_norm.h"

#include <torch/torch.h>

namespace arzoo::nn {

RmsNorm::RmsNorm(int64_t width, double eps) : eps_(eps) {
  weight_ = register_parameter("weight", torch::ones({width}));
}

at::Tensor RmsNorm::forward(const at::Tensor& x) const { return kernels::rms_norm(x, weight_, eps_); }

kernels::Modulation RmsNorm::modulation() const {
  return {(weight_ - 1.0).view({1, 1, -1}), at::zeros({1, 1, weight_.size(0)}, weight_.options())};
}

}  // namespace arzoo::nn
