#include "kernels/int8_products.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <cstring>

namespace arzoo::kernels {
namespace {

constexpr int64_t kPanel = 16;   // rows of w whose sums a tile has, two vectors of them
constexpr int64_t kDepth = 512;  // numbers of a row of which a panel is held at a time, in the fastest cache
// How far ahead of a stream of w the processor is asked for it: without it 15 % less of the memory's rate.
constexpr int64_t kAhead = 4096;

/// Where rows of x and one row of w lie, and their width.
struct Stream {
  const int16_t* x;
  const int8_t* w;
  int64_t width;  ///< also the step between rows of x
  int32_t* sums;
  int64_t sums_step;
};

int32_t plain_sum(const int16_t* x, const int8_t* w, int64_t width) {
  int32_t sum = 0;
  for (int64_t k = 0; k < width; ++k) sum += static_cast<int32_t>(x[k]) * w[k];
  return sum;
}

/// For a processor of which nothing is known.
struct Plain {
  template <int Rows>
  static void stream(const Stream& all) {
    for (int r = 0; r < Rows; ++r)
      all.sums[r * all.sums_step] = plain_sum(all.x + r * all.width, all.w, all.width);
  }

  /// x: a group of interleaved rows.
  static void group(const int16_t* x, const int8_t* w, const Int8Block& block, int32_t* sums,
                    int64_t sums_step) {
    for (int64_t r = 0; r < block.rows; ++r) {
      for (int64_t j = 0; j < block.columns; ++j) {
        const int8_t* row = w + j * block.width;
        int32_t sum = 0;
        for (int64_t k = 0; k < block.width; ++k)
          sum += static_cast<int32_t>(x[(k / 2 * block.rows + r) * 2 + k % 2]) * row[k];
        sums[r * sums_step + j] = sum;
      }
    }
  }

  static void many(const int16_t* x, const int8_t* w, const Int8Block& block, int32_t* sums,
                   int64_t sums_step) {
    for (int64_t i = 0; i < block.rows; i += kInt8Group) {
      const Int8Block part{std::min(kInt8Group, block.rows - i), block.columns, block.width};
      group(x + i * interleaved_width(block.width), w, part, sums + i * sums_step, sums_step);
    }
  }
};

#if defined(__x86_64__)
#define ARZOO_AVX2 __attribute__((target("avx2")))

ARZOO_AVX2 inline int32_t sum_of(__m256i lanes) {
  auto sums = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
  sums = _mm_add_epi32(sums, _mm_shuffle_epi32(sums, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(sums, _mm_shuffle_epi32(sums, 0xb1)));
}

ARZOO_AVX2 inline __m256i widened(const int8_t* from) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
ARZOO_AVX2 inline __m256i load(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}
ARZOO_AVX2 inline void store(void* to, __m256i value) {
  _mm256_storeu_si256(static_cast<__m256i*>(to), value);
}

/// 16 products at a time: VPMADDWD multiplies 16-bit integers and adds neighbours without rounding, where the
/// instruction for 8-bit ones (VPMADDUBSW) saturates.
struct Avx2 {
  /// Rows rows of x by one row of w, in the order of memory.
  template <int Rows>
  ARZOO_AVX2 static void stream(const Stream& all) {
    constexpr int kParts = Rows == 1 ? 4 : 2;  // sums that do not wait for each other
    __m256i sums[Rows][kParts];
    for (auto& row : sums) {
      for (auto& sum : row) sum = _mm256_setzero_si256();
    }
    const int64_t whole = all.width / 64 * 64;
    for (int64_t k = 0; k < whole; k += 64) {
      _mm_prefetch(reinterpret_cast<const char*>(all.w + k + kAhead), _MM_HINT_T0);
      for (int part = 0; part < 4; ++part) {
        const auto w = widened(all.w + k + 16 * part);
        for (int r = 0; r < Rows; ++r) {
          auto& sum = sums[r][part % kParts];
          sum = _mm256_add_epi32(sum, _mm256_madd_epi16(load(all.x + r * all.width + k + 16 * part), w));
        }
      }
    }
    for (int r = 0; r < Rows; ++r) {
      auto sum = sums[r][0];
      for (int part = 1; part < kParts; ++part) sum = _mm256_add_epi32(sum, sums[r][part]);
      all.sums[r * all.sums_step] =
          sum_of(sum) + plain_sum(all.x + r * all.width + whole, all.w + whole, all.width - whole);
    }
  }

  /// Writes 8 rows of w of 16 numbers as 8 pairs of columns, [8][8 rows][2], `step` numbers apart.
  ARZOO_AVX2 static void widen_8_by_16(const int8_t* w, int64_t width, int16_t* out, int64_t step) {
    __m256i rows[8], pairs[8], fours[8];
    for (int r = 0; r < 8; ++r) rows[r] = widened(w + r * width);
    for (int r = 0; r < 8; r += 2) {
      pairs[r] = _mm256_unpacklo_epi32(rows[r], rows[r + 1]);
      pairs[r + 1] = _mm256_unpackhi_epi32(rows[r], rows[r + 1]);
    }
    for (int r = 0; r < 8; r += 4) {
      fours[r] = _mm256_unpacklo_epi64(pairs[r], pairs[r + 2]);
      fours[r + 1] = _mm256_unpackhi_epi64(pairs[r], pairs[r + 2]);
      fours[r + 2] = _mm256_unpacklo_epi64(pairs[r + 1], pairs[r + 3]);
      fours[r + 3] = _mm256_unpackhi_epi64(pairs[r + 1], pairs[r + 3]);
    }
    for (int pair = 0; pair < 4; ++pair) {
      store(out + pair * step, _mm256_permute2x128_si256(fours[pair], fours[pair + 4], 0x20));
      store(out + (pair + 4) * step, _mm256_permute2x128_si256(fours[pair], fours[pair + 4], 0x31));
    }
  }

  /// Up to kPanel rows of w as panel[k / 2][kPanel][2] in 16 bits, zeros where w has nothing.
  ARZOO_AVX2 static void widen_panel(const int8_t* w, const Int8Block& part, int64_t depth, int16_t* panel) {
    int64_t k = 0;
    if (part.columns == kPanel) {
      for (; k + 16 <= depth; k += 16) {
        for (int64_t r = 0; r < kPanel; r += 8)
          widen_8_by_16(w + r * part.width + k, part.width, panel + k * kPanel + 2 * r, 2 * kPanel);
      }
    }
    for (; k < interleaved_width(depth); ++k) {
      for (int64_t r = 0; r < kPanel; ++r)
        panel[(k / 2 * kPanel + r) * 2 + k % 2] =
            k < depth && r < part.columns ? w[r * part.width + k] : int8_t{0};
    }
  }

  /// Adds the products of a group of Rows interleaved rows of x and a panel, `pairs` pairs deep. A pair of
  /// x's numbers meets those of 16 rows of w: one load serves two vectors, and no sum crosses a vector.
  template <int Rows>
  ARZOO_AVX2 static void tile(const int16_t* x, const int16_t* panel, int64_t pairs, int32_t* sums,
                              int64_t sums_step) {
    __m256i left[Rows], right[Rows];
    for (int r = 0; r < Rows; ++r) {
      left[r] = load(sums + r * sums_step);
      right[r] = load(sums + r * sums_step + 8);
    }
    for (int64_t pair = 0; pair < pairs; ++pair, x += 2 * Rows, panel += 2 * kPanel) {
      const auto w_left = load(panel), w_right = load(panel + kPanel);
      for (int r = 0; r < Rows; ++r) {
        int32_t two = 0;
        std::memcpy(&two, x + 2 * r, sizeof two);
        const auto both = _mm256_set1_epi32(two);
        left[r] = _mm256_add_epi32(left[r], _mm256_madd_epi16(both, w_left));
        right[r] = _mm256_add_epi32(right[r], _mm256_madd_epi16(both, w_right));
      }
    }
    for (int r = 0; r < Rows; ++r) {
      store(sums + r * sums_step, left[r]);
      store(sums + r * sums_step + 8, right[r]);
    }
  }

  static void tile_of(int64_t rows, const int16_t* x, const int16_t* panel, int64_t pairs, int32_t* sums,
                      int64_t sums_step) {
    constexpr decltype(&tile<1>) kTiles[kInt8Group] = {&tile<1>, &tile<2>, &tile<3>,
                                                       &tile<4>, &tile<5>, &tile<6>};
    kTiles[rows - 1](x, panel, pairs, sums, sums_step);
  }

  /// The rows of a group by fewer than kPanel rows of w.
  static void narrow_tile(int64_t rows, const int16_t* x, const int16_t* panel, int64_t pairs, int32_t* sums,
                          int64_t sums_step, int64_t columns) {
    int32_t own[kInt8Group * kPanel] = {};
    tile_of(rows, x, panel, pairs, own, kPanel);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t j = 0; j < columns; ++j) sums[r * sums_step + j] += own[r * kPanel + j];
    }
  }

  static void many(const int16_t* x, const int8_t* w, const Int8Block& block, int32_t* sums,
                   int64_t sums_step) {
    alignas(64) int16_t panel[kPanel * kDepth];
    for (int64_t i = 0; i < block.rows; ++i) std::fill_n(sums + i * sums_step, block.columns, 0);
    for (int64_t k = 0; k < block.width; k += kDepth) {
      const int64_t depth = std::min(kDepth, block.width - k), pairs = interleaved_width(depth) / 2;
      for (int64_t j = 0; j < block.columns; j += kPanel) {
        const int64_t columns = std::min(kPanel, block.columns - j);
        widen_panel(w + j * block.width + k, {block.rows, columns, block.width}, depth, panel);
        for (int64_t i = 0; i < block.rows; i += kInt8Group) {
          const int64_t rows = std::min(kInt8Group, block.rows - i);
          const auto* group = x + i * interleaved_width(block.width) + k * rows;
          auto* to = sums + i * sums_step + j;
          if (columns == kPanel) {
            tile_of(rows, group, panel, pairs, to, sums_step);
          } else {
            narrow_tile(rows, group, panel, pairs, to, sums_step, columns);
          }
        }
      }
    }
  }
};
#endif

/// A few rows of x by all of w, each number of which is read once.
template <class Way, int Rows>
void few_rows(Stream stream, int64_t columns) {
  for (int64_t j = 0; j < columns; ++j, stream.w += stream.width, ++stream.sums)
    Way::template stream<Rows>(stream);
}

template <class Way>
void few_sums(const int16_t* x, const int8_t* w, const Int8Block& block, int32_t* sums, int64_t sums_step) {
  const Stream stream{x, w, block.width, sums, sums_step};
  switch (block.rows) {
    case 0:
      return;
    case 1:
      return few_rows<Way, 1>(stream, block.columns);
    case 2:
      return few_rows<Way, 2>(stream, block.columns);
    case 3:
      return few_rows<Way, 3>(stream, block.columns);
    default:
      return few_rows<Way, kFewInt8Rows>(stream, block.columns);
  }
}

bool has_avx2() {
#if defined(__x86_64__)
  static const bool has = __builtin_cpu_supports("avx2");
  return has;
#else
  return false;
#endif
}

}  // namespace

bool has_vnni() {
#if defined(__x86_64__)
  static const bool has = __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw");
  return has;
#else
  return false;
#endif
}

void int8_sums_of_few(const int16_t* x, const int8_t* w, const Int8Block& block, int32_t* sums,
                      int64_t sums_step) {
#if defined(__x86_64__)
  if (has_avx2()) return few_sums<Avx2>(x, w, block, sums, sums_step);
#endif
  few_sums<Plain>(x, w, block, sums, sums_step);
}

void int8_sums(const int16_t* x, const int8_t* w, const Int8Block& block, int32_t* sums, int64_t sums_step) {
#if defined(__x86_64__)
  if (has_avx2()) return Avx2::many(x, w, block, sums, sums_step);
#endif
  Plain::many(x, w, block, sums, sums_step);
}

void interleave_rows(const int16_t* x, int64_t rows, int64_t width, int16_t* out) {
  for (int64_t i = 0; i < rows; i += kInt8Group) {
    const int64_t group = std::min(kInt8Group, rows - i);
    for (int64_t k = 0; k < width; k += 2) {
      for (int64_t r = i; r < i + group; ++r, out += 2) {
        out[0] = x[r * width + k];
        out[1] = k + 1 < width ? x[r * width + k + 1] : int16_t{0};
      }
    }
  }
}

}  // namespace arzoo::kernels
