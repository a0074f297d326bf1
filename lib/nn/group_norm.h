#pragma once

#include <torch/nn/module.h>

namespace arzoo::nn {

/// Group normalisation (Wu & He, ECCV 2018) with learned scale and shift per channel, for images.
///
/// In inference on a CPU, statistics and result take one pass each over channels-last memory, in fp32 or bf16
/// with sums in fp32; the sums' order does not depend on the number of threads.
class GroupNorm : public torch::nn::Module {
 public:
  static constexpr int64_t kGroups = 32;
  static constexpr double kEpsilon = 1e-6;

  /// channels: a multiple of kGroups.
  explicit GroupNorm(int64_t channels);

  /// x: [B, C, H, W]; returns the same shape.
  at::Tensor forward(const at::Tensor& x) { return apply(x, false); }
  /// silu(forward(x)), in the same pass.
  at::Tensor silu(const at::Tensor& x) { return apply(x, true); }

 private:
  at::Tensor apply(const at::Tensor& x, bool silu);

  at::Tensor weight_, bias_;  ///< [C]
};

}  // namespace arzoo::nn
