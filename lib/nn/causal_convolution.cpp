#include "nn/causal_convolution.h"

#include <torch/torch.h>

namespace arzoo::nn {

at::Tensor causal_convolution(const at::Tensor& x, const at::Tensor& taps, ConvolutionState& state) {
  const int64_t reach = taps.size(0) - 1, tokens = x.size(1);
  const auto before = state.defined() ? state : at::zeros({x.size(0), reach, x.size(2)}, x.options());
  const auto all = at::cat({before, x}, 1);  // [B, K - 1 + T, C]
  auto y = x * taps[0];
  for (int64_t i = 1; i <= reach; ++i) y = y + all.narrow(1, reach - i, tokens) * taps[i];
  state = all.narrow(1, tokens, reach);
  return y;
}

}  // namespace arzoo::nn
