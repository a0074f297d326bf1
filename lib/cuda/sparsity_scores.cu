// Informer's sparsity measurement (kernels/sparsity_scores.h) on a CUDA device: a warp for each query, which
// computes the sampled scores alone and keeps none.

#include <ATen/Dispatch.h>
#include <ATen/Functions.h>
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include <cmath>

#include "block_sum.h"

namespace {

/// [B, H, rows, E] with a unit stride along E.
template <class Scalar>
struct Heads {
  explicit Heads(const at::Tensor& x)
      : first(x.const_data_ptr<Scalar>()), batch(x.stride(0)), head(x.stride(1)), row(x.stride(2)) {}
  __device__ const Scalar* at(int64_t b, int64_t h, int64_t i) const {
    return first + b * batch + h * head + i * row;
  }

  const Scalar* first;
  int64_t batch, head, row;
};

struct Sizes {
  int64_t heads, length, keys, width, count;  ///< H, L, S, E, U
};

template <class Scalar>
__global__ void sparsity_kernel(Heads<Scalar> queries, Heads<Scalar> keys, const int64_t* sample, float* out,
                                int64_t rows, Sizes sizes) {
  const int lane = threadIdx.x % arzoo::cuda::kWarp;
  const int64_t warps = int64_t{gridDim.x} * (blockDim.x / arzoo::cuda::kWarp);
  const int64_t first =
      int64_t{blockIdx.x} * (blockDim.x / arzoo::cuda::kWarp) + threadIdx.x / arzoo::cuda::kWarp;
  for (int64_t i = first; i < rows; i += warps) {
    const int64_t query = i % sizes.length, h = i / sizes.length % sizes.heads,
                  b = i / sizes.length / sizes.heads;
    const Scalar* q = queries.at(b, h, query);
    float largest = -INFINITY, sum = 0.0F;
    for (int64_t j = 0; j < sizes.count; ++j) {
      const Scalar* k = keys.at(b, h, sample[query * sizes.count + j]);
      float part = 0.0F;
      for (int64_t e = lane; e < sizes.width; e += arzoo::cuda::kWarp)
        part += static_cast<float>(q[e]) * static_cast<float>(k[e]);
      const float score = arzoo::cuda::warp_sum(part);
      largest = fmaxf(largest, score);
      sum += score;
    }
    if (lane == 0) out[i] = largest - sum / static_cast<float>(sizes.keys);
  }
}

at::Tensor sampled_sparsity(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& sample) {
  const c10::cuda::CUDAGuard guard(queries.device());
  const Sizes sizes{queries.size(1), queries.size(2), keys.size(2), queries.size(3), sample.size(1)};
  auto out = at::empty({queries.size(0), sizes.heads, sizes.length}, queries.options().dtype(at::kFloat));
  if (out.numel() == 0) return out;
  AT_DISPATCH_FLOATING_TYPES_AND2(
      at::kHalf, at::kBFloat16, queries.scalar_type(), "arzoo::sampled_sparsity", [&] {
        sparsity_kernel<scalar_t><<<arzoo::cuda::blocks_for(out.numel() * arzoo::cuda::kWarp),
                                    arzoo::cuda::kThreads, 0, at::cuda::getCurrentCUDAStream()>>>(
            Heads<scalar_t>(queries), Heads<scalar_t>(keys), sample.const_data_ptr<int64_t>(),
            out.mutable_data_ptr<float>(), out.numel(), sizes);
      });
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
}

}  // namespace

TORCH_LIBRARY_IMPL(arzoo, CUDA, m) { m.impl("sampled_sparsity", &sampled_sparsity); }
