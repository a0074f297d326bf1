// The dropout of kernels/dropout.h on a CUDA device: the same mask as on the CPU for the same key.

#include <ATen/Dispatch.h>
#include <ATen/Functions.h>
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include "grid_stride.h"
#include "kernels/dropout_mask.h"

namespace {

template <class Scalar>
__global__ void mask_kernel(const Scalar* x, Scalar* out, int64_t size, arzoo::kernels::DropoutMask mask) {
  arzoo::cuda::for_elements(size, [=](int64_t i) {
    out[i] = static_cast<Scalar>(static_cast<float>(x[i]) * mask.factor(static_cast<uint32_t>(i)));
  });
}

at::Tensor masked(const at::Tensor& x, int64_t key, double p) {
  const c10::cuda::CUDAGuard guard(x.device());
  const auto in = x.contiguous();
  auto out = at::empty_like(in);
  const int64_t size = in.numel();
  if (size == 0) return out;
  const unsigned blocks = arzoo::cuda::blocks_for(size);
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, in.scalar_type(), "arzoo::dropout_mask", [&] {
    mask_kernel<scalar_t><<<blocks, arzoo::cuda::kThreads, 0, at::cuda::getCurrentCUDAStream()>>>(
        in.const_data_ptr<scalar_t>(), out.mutable_data_ptr<scalar_t>(), size,
        arzoo::kernels::DropoutMask(key, p));
  });
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
}

}  // namespace

TORCH_LIBRARY_IMPL(arzoo, CUDA, m) { m.impl("dropout_mask", &masked); }
