#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/dropout_mask.h"
#include "kernels/parallel.h"

/// Kernels that run along time take a few columns of a sample at once, copied together as fp32: they then
/// stay in the nearest cache, whatever the stride and the type of the tensor.
namespace arzoo::kernels {

constexpr int64_t kBlockColumns = 64;

/// Where a block stands in a tensor: `rows` rows of `columns` (at most kBlockColumns) elements, `stride`
/// apart. In memory of its own it is [rows, kBlockColumns] float; columns past `columns` are left as they
/// are.
struct BlockPlace {
  int64_t first, rows, columns, stride;
};

void load_block(const float* x, const BlockPlace& place, float* block);
void load_block(const at::BFloat16* x, const BlockPlace& place, float* block);
void store_block(const float* block, const BlockPlace& place, float* x);
void store_block(const float* block, const BlockPlace& place, at::BFloat16* x);

/// block *= the dropout's factors of the elements.
void drop_block(float* block, const BlockPlace& place, const DropoutMask& mask);

/// b += a; b = a - b.
void add_to(const float* a, float* b, int64_t size);
void subtract_from(const float* a, float* b, int64_t size);

/// The place of block `column` (in elements) of sample `b` in x [B, L, W], whose stride along W is one.
inline BlockPlace block_place(const at::Tensor& x, int64_t b, int64_t column) {
  return {b * x.stride(0) + column, x.size(1), std::min(kBlockColumns, x.size(2) - column), x.stride(1)};
}

/// Calls body(b, column, scratch) for every block of `batch` samples of `width` columns, on all threads.
/// scratch: `size` floats of the thread's own, zero at first. `work`: operations of one call.
template <class Body>
void for_each_block(int64_t batch, int64_t width, int64_t size, int64_t work, const Body& body) {
  constexpr int64_t kGrain = 1 << 16;  // operations that are worth a thread
  const int64_t across = (width + kBlockColumns - 1) / kBlockColumns;
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, work));
  parallel_for(batch * across, grain, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(static_cast<std::size_t>(size));
    for (int64_t i = begin; i < end; ++i) body(i / across, i % across * kBlockColumns, scratch.data());
  });
}

}  // namespace arzoo::kernels
