#include "kernels/head_rows.h"

#include "kernels/multiversion.h"

namespace arzoo::kernels {
namespace {

template <class Scalar>
ARZOO_INTO_CLONES void copy(const Scalar* from, const HeadSize& size, float factor, float* out,
                            int64_t stride) {
  for (int64_t i = 0; i < size.rows; ++i) {
    for (int64_t e = 0; e < size.width; ++e)
      out[i * stride + e] = static_cast<float>(from[i * size.step + e]) * factor;
  }
}

template <class Scalar>
ARZOO_INTO_CLONES void store(const float* rows, int64_t stride, const HeadSize& size, Scalar* to) {
  for (int64_t i = 0; i < size.rows; ++i) {
    for (int64_t e = 0; e < size.width; ++e)
      to[i * size.step + e] = static_cast<Scalar>(rows[i * stride + e]);
  }
}

ARZOO_CLONES void copy_rows_clones(const float* from, const HeadSize& size, float factor, float* out,
                                   int64_t stride) {
  copy(from, size, factor, out, stride);
}
ARZOO_CLONES void copy_rows_clones(const at::BFloat16* from, const HeadSize& size, float factor, float* out,
                                   int64_t stride) {
  copy(from, size, factor, out, stride);
}
ARZOO_CLONES void store_rows_clones(const float* rows, int64_t stride, const HeadSize& size, float* to) {
  store(rows, stride, size, to);
}
ARZOO_CLONES void store_rows_clones(const float* rows, int64_t stride, const HeadSize& size,
                                    at::BFloat16* to) {
  store(rows, stride, size, to);
}

}  // namespace

void copy_rows(const float* from, const HeadSize& size, float factor, float* out, int64_t stride) {
  copy_rows_clones(from, size, factor, out, stride);
}
void copy_rows(const at::BFloat16* from, const HeadSize& size, float factor, float* out, int64_t stride) {
  copy_rows_clones(from, size, factor, out, stride);
}
void store_rows(const float* rows, int64_t stride, const HeadSize& size, float* to) {
  store_rows_clones(rows, stride, size, to);
}
void store_rows(const float* rows, int64_t stride, const HeadSize& size, at::BFloat16* to) {
  store_rows_clones(rows, stride, size, to);
}

}  // namespace arzoo::kernels
