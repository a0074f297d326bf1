#pragma once

#include "grid_stride.h"

namespace arzoo::cuda {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffU;

/// The sum over a warp's lanes, in an order of its own: the same in every run. Of every lane.
__device__ inline float warp_sum(float x) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) x += __shfl_xor_sync(kAllLanes, x, offset);
  return x;
}

/// The sum over a block of kThreads, of its first thread.
__device__ inline float block_sum(float x) {
  __shared__ float of_warps[kThreads / kWarp];
  x = warp_sum(x);
  if (threadIdx.x % kWarp == 0) of_warps[threadIdx.x / kWarp] = x;
  __syncthreads();
  if (threadIdx.x >= kWarp) return 0.0F;
  return warp_sum(threadIdx.x < kThreads / kWarp ? of_warps[threadIdx.x] : 0.0F);
}

}  // namespace arzoo::cuda
