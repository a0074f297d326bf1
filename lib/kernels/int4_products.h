#pragma once

#include <cstddef>
#include <cstdint>

/// Products of weights in 4 bits with rows of 8-bit integers, both in groups of numbers with a scale of their
/// own: what decoding of few rows needs, whose time is that of reading the weights.
namespace arzoo::kernels {

/// Numbers of a group.
constexpr int64_t kInt4Group = 32;
/// The most rows of x that int4_products takes.
constexpr int64_t kFewInt4Rows = 4;

/// Groups of a row of `width` numbers; the last one may have fewer.
constexpr int64_t int4_groups(int64_t width) { return (width + kInt4Group - 1) / kInt4Group; }
/// Bytes of a row of weights: 16 of each group, in whose byte i are its numbers i, low, and i + 16, high,
/// plus 8 each; then the scales of all groups, as IEEE numbers of 16 bits in this machine's order.
constexpr int64_t int4_row_bytes(int64_t width) { return int4_groups(width) * (kInt4Group / 2 + 2); }

/// Rows of x in 8 bits: of each group numbers within +-127 and their scale.
struct Int4Operand {
  const int8_t* values;    ///< [rows, groups, kInt4Group], zeros behind the end of a row
  const float* scales;     ///< [rows, groups]
  const float* eightfold;  ///< [rows, groups]: 8 times the sum of a group's numbers times its scale
  int64_t rows, groups;
};

/// Rounds a row of x, `width` numbers, to whole groups: values, scales and eightfold of it. A group with a
/// number that is not finite gets the scale NaN.
void int4_operand_row(const float* x, int64_t width, int8_t* values, float* scales, float* eightfold);

/// out[r * out_step + j] = the sum over groups of scale times scale times an exact sum of products, in fp32
/// in the order of the groups, for `columns` rows of weights and x.rows <= kFewInt4Rows. On the calling
/// thread.
void int4_products(const Int4Operand& x, const std::byte* weights, int64_t columns, float* out,
                   int64_t out_step);

/// Rounds a row of weights: of a few scales for a group the one with the smallest squared error. A group with
/// a number that is not finite, or beyond a scale of 16 bits (8 times 65504), becomes NaN.
void int4_weight_row(const float* weights, int64_t width, std::byte* out);
/// The numbers that such a row stands for.
void int4_numbers(const std::byte* row, int64_t width, float* out);

}  // namespace arzoo::kernels
