#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::kernels {

/// Whether a tensor's numbers can be read through a pointer. Those of a weight that several processes keep
/// parts of are not in memory until one of LibTorch's operators needs them.
inline bool is_resident(const at::Tensor& tensor) {
  return !tensor.defined() || !tensor.has_storage() || tensor.numel() == 0 || tensor.storage().nbytes() > 0;
}

}  // namespace arzoo::kernels
