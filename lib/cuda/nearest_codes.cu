// The nearest code of each row (nn/nearest_codes.h) on a CUDA device without the matrix of all distances: a
// batch of pictures against a large codebook would fill gigabytes with them.

#include <ATen/Functions.h>
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include <cmath>

namespace {

constexpr int kRows = 128;  // of a block, one by thread
constexpr int kTile = 64;   // codes that a block holds at once

/// z: [rows, kWidth]; codes: [count, kWidth]; squares: their squared lengths.
template <int kWidth>
__global__ void nearest_kernel(const float* z, const float* codes, const float* squares, int64_t rows,
                               int64_t count, int64_t* out) {
  __shared__ float tile[kTile][kWidth];
  __shared__ float tile_squares[kTile];
  const int64_t row = int64_t{blockIdx.x} * kRows + threadIdx.x;
  float own[kWidth], square = 0.0F;
  for (int c = 0; c < kWidth; ++c) {
    own[c] = row < rows ? z[row * kWidth + c] : 0.0F;
    square += own[c] * own[c];
  }
  float nearest = INFINITY;
  int64_t chosen = 0;
  for (int64_t first = 0; first < count; first += kTile) {
    const int there = static_cast<int>(count - first < kTile ? count - first : kTile);
    for (int i = threadIdx.x; i < there * kWidth; i += kRows)
      tile[i / kWidth][i % kWidth] = codes[first * kWidth + i];
    for (int i = threadIdx.x; i < there; i += kRows) tile_squares[i] = squares[first + i];
    __syncthreads();
    for (int i = 0; i < there; ++i) {
      float product = 0.0F;
      for (int c = 0; c < kWidth; ++c) product += own[c] * tile[i][c];
      const float distance = square + tile_squares[i] - 2.0F * product;
      if (distance < nearest) {
        nearest = distance;
        chosen = first + i;
      }
    }
    __syncthreads();
  }
  if (row < rows) out[row] = chosen;
}

template <int kWidth>
void launch(const at::Tensor& z, const at::Tensor& codes, const at::Tensor& squares, at::Tensor& out) {
  const auto blocks = static_cast<unsigned>((z.size(0) + kRows - 1) / kRows);
  nearest_kernel<kWidth><<<blocks, kRows, 0, at::cuda::getCurrentCUDAStream()>>>(
      z.const_data_ptr<float>(), codes.const_data_ptr<float>(), squares.const_data_ptr<float>(), z.size(0),
      codes.size(0), out.mutable_data_ptr<int64_t>());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

/// Undefined for widths without a kernel.
at::Tensor nearest_codes(const at::Tensor& z, const at::Tensor& codebook) {
  const c10::cuda::CUDAGuard guard(z.device());
  const auto rows = z.contiguous(), codes = codebook.contiguous(), squares = codes.square().sum(1);
  auto out = at::empty({rows.size(0)}, rows.options().dtype(at::kLong));
  if (out.numel() == 0) return out;
  switch (codes.size(1)) {
    case 4:
      launch<4>(rows, codes, squares, out);
      break;
    case 8:
      launch<8>(rows, codes, squares, out);
      break;
    case 16:
      launch<16>(rows, codes, squares, out);
      break;
    case 32:
      launch<32>(rows, codes, squares, out);
      break;
    case 64:
      launch<64>(rows, codes, squares, out);
      break;
    default:
      return {};
  }
  return out;
}

}  // namespace

TORCH_LIBRARY_IMPL(arzoo, CUDA, m) { m.impl("nearest_codes", &nearest_codes); }
