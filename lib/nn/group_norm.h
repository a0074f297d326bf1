#pragma once

#include <torch/nn/module.h>

namespace arzoo::nn {

/// Group normalisation (kernels/group_norm.h) with learned scale and shift per channel, for images.
class GroupNorm : public torch::nn::Module {
 public:
  static constexpr int64_t kGroups = 32;
  static constexpr double kEpsilon = 1e-6;

  /// channels: a multiple of kGroups.
  explicit GroupNorm(int64_t channels);

  /// x: [B, C, H, W]; returns the same shape.
  at::Tensor forward(const at::Tensor& x) const;
  /// silu(forward(x)), in the same pass.
  at::Tensor silu(const at::Tensor& x) const;

 private:
  at::Tensor weight_, bias_;  ///< [C]
};

}  // namespace arzoo::nn
