// Time-delay aggregation and its gradient (kernels/delayed_sum.h) on a CUDA device, each in one pass: of
// LibTorch's operations every delay takes a gather, a product and a sum over the whole tensor.

#include <ATen/Dispatch.h>
#include <ATen/Functions.h>
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include "block_sum.h"
#include "grid_stride.h"
#include "kernels/delayed_rows.h"

namespace {

using arzoo::kernels::SeriesRows;

/// A batch of series, [B, rows, W] with a unit stride along W.
template <class Scalar>
struct Batch {
  explicit Batch(const at::Tensor& x)
      : first(x.const_data_ptr<Scalar>()), batch_stride(x.stride(0)), stride(x.stride(1)), rows(x.size(1)) {}
  __device__ SeriesRows<Scalar> at(int64_t b) const { return {first + b * batch_stride, stride, rows}; }

  const Scalar* first;
  int64_t batch_stride, stride, rows;
};

struct Sizes {
  int64_t count, period, rows, width;  ///< delays, steps of a period, of the result, channels
};

template <class Scalar>
__global__ void sum_kernel(Batch<Scalar> values, const int64_t* delays, const float* weights, Scalar* out,
                           int64_t size, Sizes sizes) {
  arzoo::cuda::for_elements(size, [=](int64_t i) {
    const int64_t column = i % sizes.width, t = i / sizes.width % sizes.rows,
                  b = i / sizes.width / sizes.rows;
    out[i] = static_cast<Scalar>(arzoo::kernels::delayed_sum_at(values.at(b), delays + b * sizes.count,
                                                                weights + b * sizes.count, sizes.count,
                                                                sizes.period, t, column));
  });
}

/// A block for each number of the result.
template <class Scalar>
__global__ void products_kernel(Batch<Scalar> series, Batch<Scalar> values, const int64_t* delays, float* out,
                                Sizes sizes) {
  const int64_t i = blockIdx.x, b = i / sizes.count;
  const float sum = arzoo::cuda::block_sum(arzoo::kernels::delayed_product_of(
      series.at(b), values.at(b), delays[i], sizes.period, sizes.width, threadIdx.x, blockDim.x));
  if (threadIdx.x == 0) out[i] = sum;
}

at::Tensor delayed_sum(const at::Tensor& values, const at::Tensor& delays, const at::Tensor& weights,
                       int64_t period, int64_t rows) {
  const c10::cuda::CUDAGuard guard(values.device());
  const Sizes sizes{delays.size(1), period, rows, values.size(2)};
  auto out = at::empty({values.size(0), rows, sizes.width}, values.options());
  if (out.numel() == 0) return out;
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, values.scalar_type(), "arzoo::delayed_sum", [&] {
    sum_kernel<scalar_t><<<arzoo::cuda::blocks_for(out.numel()), arzoo::cuda::kThreads, 0,
                           at::cuda::getCurrentCUDAStream()>>>(
        Batch<scalar_t>(values), delays.const_data_ptr<int64_t>(), weights.const_data_ptr<float>(),
        out.mutable_data_ptr<scalar_t>(), out.numel(), sizes);
  });
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
}

at::Tensor delayed_products(const at::Tensor& series, const at::Tensor& values, const at::Tensor& delays,
                            int64_t period) {
  const c10::cuda::CUDAGuard guard(values.device());
  const Sizes sizes{delays.size(1), period, period, values.size(2)};
  auto out = at::empty({values.size(0), sizes.count}, values.options().dtype(at::kFloat));
  if (out.numel() == 0) return out;
  AT_DISPATCH_FLOATING_TYPES_AND2(
      at::kHalf, at::kBFloat16, values.scalar_type(), "arzoo::delayed_products", [&] {
        products_kernel<scalar_t><<<static_cast<unsigned>(out.numel()), arzoo::cuda::kThreads, 0,
                                    at::cuda::getCurrentCUDAStream()>>>(
            Batch<scalar_t>(series), Batch<scalar_t>(values), delays.const_data_ptr<int64_t>(),
            out.mutable_data_ptr<float>(), sizes);
      });
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
}

}  // namespace

TORCH_LIBRARY_IMPL(arzoo, CUDA, m) {
  m.impl("delayed_sum", &delayed_sum);
  m.impl("delayed_products", &delayed_products);
}
