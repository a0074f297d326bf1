#include "kernels/column_blocks.h"

#include "kernels/multiversion.h"

namespace arzoo::kernels {
namespace {

template <class Scalar>
ARZOO_INTO_CLONES void load(const Scalar* x, const BlockPlace& place, float* block) {
  for (int64_t t = 0; t < place.rows; ++t) {
    for (int64_t j = 0; j < place.columns; ++j)
      block[t * kBlockColumns + j] = static_cast<float>(x[place.first + t * place.stride + j]);
  }
}

template <class Scalar>
ARZOO_INTO_CLONES void store(const float* block, const BlockPlace& place, Scalar* x) {
  for (int64_t t = 0; t < place.rows; ++t) {
    for (int64_t j = 0; j < place.columns; ++j)
      x[place.first + t * place.stride + j] = static_cast<Scalar>(block[t * kBlockColumns + j]);
  }
}

ARZOO_CLONES void load_block_clones(const float* x, const BlockPlace& place, float* block) {
  load(x, place, block);
}

ARZOO_CLONES void load_block_clones(const at::BFloat16* x, const BlockPlace& place, float* block) {
  load(x, place, block);
}

ARZOO_CLONES void store_block_clones(const float* block, const BlockPlace& place, float* x) {
  store(block, place, x);
}

ARZOO_CLONES void store_block_clones(const float* block, const BlockPlace& place, at::BFloat16* x) {
  store(block, place, x);
}

ARZOO_CLONES void drop_block_clones(float* block, const BlockPlace& place, const DropoutMask& mask) {
  for (int64_t t = 0; t < place.rows; ++t) {
    const auto row = static_cast<uint32_t>(place.first + t * place.stride);
    for (int64_t j = 0; j < place.columns; ++j)
      block[t * kBlockColumns + j] *= mask.factor(row + static_cast<uint32_t>(j));
  }
}

ARZOO_CLONES void add_to_clones(const float* a, float* b, int64_t size) {
  for (int64_t i = 0; i < size; ++i) b[i] += a[i];
}

ARZOO_CLONES void subtract_from_clones(const float* a, float* b, int64_t size) {
  for (int64_t i = 0; i < size; ++i) b[i] = a[i] - b[i];
}

}  // namespace

void load_block(const float* x, const BlockPlace& place, float* block) { load_block_clones(x, place, block); }
void load_block(const at::BFloat16* x, const BlockPlace& place, float* block) {
  load_block_clones(x, place, block);
}
void store_block(const float* block, const BlockPlace& place, float* x) {
  store_block_clones(block, place, x);
}
void store_block(const float* block, const BlockPlace& place, at::BFloat16* x) {
  store_block_clones(block, place, x);
}
void drop_block(float* block, const BlockPlace& place, const DropoutMask& mask) {
  drop_block_clones(block, place, mask);
}
void add_to(const float* a, float* b, int64_t size) { add_to_clones(a, b, size); }
void subtract_from(const float* a, float* b, int64_t size) { subtract_from_clones(a, b, size); }

}  // namespace arzoo::kernels
