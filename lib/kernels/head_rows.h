#pragma once

#include <ATen/core/Tensor.h>

/// Attention heads in memory, for kernels that copy one at a time into fp32 buffers of their own.
namespace arzoo::kernels {

/// A [B, H, T, E] tensor with unit stride along E, whatever the order of the rest.
template <class Scalar>
struct Heads {
  explicit Heads(const at::Tensor& x)
      : data(x.const_data_ptr<Scalar>()), batch(x.stride(0)), head(x.stride(1)), step(x.stride(2)) {}
  const Scalar* row(int64_t b, int64_t h) const { return data + b * batch + h * head; }
  const Scalar* data;
  int64_t batch, head, step;
};

/// Rows of a head in memory: `rows` of `width` numbers, `step` apart.
struct HeadSize {
  int64_t rows, width, step;
};

/// The rows, times `factor`, `stride` numbers apart in `out`.
void copy_rows(const float* from, const HeadSize& size, float factor, float* out, int64_t stride);
void copy_rows(const at::BFloat16* from, const HeadSize& size, float factor, float* out, int64_t stride);
/// The other way: rows `stride` numbers apart in `rows`, to those of the head.
void store_rows(const float* rows, int64_t stride, const HeadSize& size, float* to);
void store_rows(const float* rows, int64_t stride, const HeadSize& size, at::BFloat16* to);

}  // namespace arzoo::kernels
