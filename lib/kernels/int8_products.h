#pragma once

#include <cstdint>

/// Sums of products of 8-bit integers, exact. LibTorch's own product of them is good for many rows on a
/// processor with VNNI alone.
namespace arzoo::kernels {

/// Whether the processor multiplies 8-bit integers in one instruction (AVX512_VNNI).
bool has_vnni();

/// A block of a product: `rows` rows of x and `columns` rows of w, each of `width` numbers, below 2^17, so
/// that no sum overflows.
struct Int8Block {
  int64_t rows, columns, width;
};

/// The most rows of x that int8_sums_of_few takes.
constexpr int64_t kFewInt8Rows = 4;
/// Rows of x that lie together in the order of interleave_rows.
constexpr int64_t kInt8Group = 6;

/// sums[i * sums_step + j] = <x[i], w[j]> on the calling thread, for rows <= kFewInt8Rows: w is read once, in
/// the order of memory. x: [rows, width], within +-127, contiguous; w: [columns, width], contiguous.
void int8_sums_of_few(const int16_t* x, const int8_t* w, const Int8Block& block, int32_t* sums,
                      int64_t sums_step);

/// The same for many rows. x: as interleave_rows leaves it, from a multiple of kInt8Group on; where more rows
/// follow the block's, it has whole groups.
void int8_sums(const int16_t* x, const int8_t* w, const Int8Block& block, int32_t* sums, int64_t sums_step);

/// Numbers of a row of x in the order of interleave_rows.
constexpr int64_t interleaved_width(int64_t width) { return (width + 1) / 2 * 2; }

/// Puts x, [rows, width], in the order that int8_sums reads: kInt8Group rows at a time (the last ones may be
/// fewer), a pair of neighbouring numbers of each, then the next pair. An odd width ends with a zero.
/// out: rows * interleaved_width(width) numbers.
void interleave_rows(const int16_t* x, int64_t rows, int64_t width, int16_t* out);

}  // namespace arzoo::kernels
