// The uniform numbers of kernels/random_numbers.h on a CUDA device: the same bits as on the CPU.

#include <ATen/Functions.h>
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include "core/seeded_random.h"
#include "grid_stride.h"

namespace {

__global__ void uniform_kernel(const int64_t* streams, double* out, int64_t size, int64_t first,
                               int64_t count) {
  arzoo::cuda::for_elements(size, [=](int64_t i) {
    out[i] = arzoo::uniform_of(static_cast<uint64_t>(streams[i / count]),
                               static_cast<uint64_t>(first + i % count));
  });
}

at::Tensor uniform_numbers(const at::Tensor& streams, int64_t first, int64_t count) {
  const c10::cuda::CUDAGuard guard(streams.device());
  const auto own = streams.contiguous();
  auto out = at::empty({own.size(0), count}, own.options().dtype(at::kDouble));
  if (out.numel() == 0) return out;
  uniform_kernel<<<arzoo::cuda::blocks_for(out.numel()), arzoo::cuda::kThreads, 0,
                   at::cuda::getCurrentCUDAStream()>>>(
      own.const_data_ptr<int64_t>(), out.mutable_data_ptr<double>(), out.numel(), first, count);
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
}

}  // namespace

TORCH_LIBRARY_IMPL(arzoo, CUDA, m) { m.impl("uniform_numbers", &uniform_numbers); }
