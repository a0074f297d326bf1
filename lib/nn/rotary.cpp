#include "nn/rotary.h"

#include <torch/torch.h>

namespace arzoo::nn {

RotaryAngles rotary_angles(const at::Tensor& positions, int64_t head_dim, double theta, at::ScalarType type) {
  const auto options = positions.options().dtype(at::kFloat);
  const auto exponents = at::arange(0, head_dim, 2, options) / static_cast<double>(head_dim);
  const auto frequencies = 1.0 / at::pow(at::full({}, theta, options), exponents);  // [E/2]
  const auto batched = positions.dim() == 2 ? positions : positions.unsqueeze(0);
  const auto angles = (batched.to(at::kFloat).unsqueeze(-1) * frequencies).unsqueeze(1);
  return {angles.cos().to(type), angles.sin().to(type)};
}

at::Tensor rotated(const at::Tensor& x, const RotaryAngles& angles) {
  const auto half = x.size(-1) / 2;
  const auto low = x.narrow(-1, 0, half), high = x.narrow(-1, half, half);
  return at::cat({low * angles.cos - high * angles.sin, high * angles.cos + low * angles.sin}, -1);
}

}  // namespace arzoo::nn
