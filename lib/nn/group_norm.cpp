#include "nn/group_norm.h"

#include <torch/torch.h>

#include "kernels/group_norm.h"

namespace arzoo::nn {

GroupNorm::GroupNorm(int64_t channels) {
  weight_ = register_parameter("weight", at::ones({channels}));
  bias_ = register_parameter("bias", at::zeros({channels}));
}

at::Tensor GroupNorm::forward(const at::Tensor& x) const {
  return kernels::group_norm(x, weight_, bias_, {.groups = kGroups, .eps = kEpsilon});
}

at::Tensor GroupNorm::silu(const at::Tensor& x) const {
  return kernels::group_norm(x, weight_, bias_, {.groups = kGroups, .eps = kEpsilon, .silu = true});
}

}  // namespace arzoo::nn
