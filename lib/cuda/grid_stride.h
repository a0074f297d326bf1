#pragma once

#include <algorithm>
#include <cstdint>

namespace arzoo::cuda {

constexpr int kThreads = 256;
constexpr int64_t kMostBlocks = 65535;

/// Blocks of kThreads that cover so many elements, or as many as may be.
inline unsigned blocks_for(int64_t elements) {
  return static_cast<unsigned>(std::min(kMostBlocks, (elements + kThreads - 1) / kThreads));
}

/// Calls body(i) for each i below size, spread over all threads of the grid.
template <class Body>
__device__ void for_elements(int64_t size, const Body& body) {
  const int64_t stride = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < size; i += stride) body(i);
}

}  // namespace arzoo::cuda
