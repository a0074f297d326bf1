#include "nn/position_table.h"

#include <torch/torch.h>

#include <cmath>

namespace arzoo::nn {

at::Tensor position_table(int64_t length, int64_t d_model) {
  const double decay = -std::log(10000.0) / static_cast<double>(d_model);
  // In fp32 throughout, as the official tables: at position 5000 the rounding of w_i is worth 1e-4.
  const auto frequencies = at::exp(at::arange(0, d_model, 2, at::kFloat) * decay);
  const auto angles = at::arange(0, length, at::kFloat).unsqueeze(1) * frequencies;
  return at::stack({at::sin(angles), at::cos(angles)}, 2).flatten(1);
}

}  // namespace arzoo::nn
