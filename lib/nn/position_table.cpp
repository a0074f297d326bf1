#include "nn/position_table.h"

#include <torch/torch.h>

#include <cmath>

namespace arzoo::nn {

at::Tensor position_table(int64_t length, int64_t d_model) {
  // In fp32 from the first step on, as the official code: its tables stand in the checkpoints.
  const auto positions = at::arange(length, at::kFloat).unsqueeze(1);
  const auto frequencies =
      (at::arange(0, d_model, 2, at::kFloat) * -(std::log(10000.0) / static_cast<double>(d_model))).exp();
  const auto angles = positions * frequencies;  // [length, d_model / 2]
  return at::stack({angles.sin(), angles.cos()}, -1).view({length, d_model});
}

}  // namespace arzoo::nn
