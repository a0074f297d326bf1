#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::kernels {

struct GroupNormForm {
  int64_t groups;     ///< of neighbouring channels
  double eps;         ///< added to a group's variance
  bool silu = false;  ///< of the result, in the same pass
};

/// Group normalisation (Wu & He, ECCV 2018) with scale and shift per channel, for images.
///
/// In inference on a CPU, statistics and result take one pass each over channels-last memory, in fp32 or bf16
/// with sums in fp32; the sums' order does not depend on the number of threads. x: [B, C, H, W], C a multiple
/// of the groups; weight, bias: [C]; returns [B, C, H, W].
at::Tensor group_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                      const GroupNormForm& form);

}  // namespace arzoo::kernels
