#include "kernels/int4_products.h"

#include <c10/util/Half.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/multiversion.h"

namespace arzoo::kernels {
namespace {

constexpr int64_t kHalf = kInt4Group / 2;
constexpr float kOffset = 8.0F;
constexpr float kToNearest = 12582912.0F;  // a sum with it has the nearest integer in its low bits

float scale_at(const std::byte* scales, int64_t group) {
  c10::Half half;
  std::memcpy(&half, scales + group * static_cast<int64_t>(sizeof half), sizeof half);
  return static_cast<float>(half);
}

/// The rows of x by one row of weights, for a processor of which nothing is known.
void plain_product(const Int4Operand& x, const std::byte* row, float* out, int64_t out_step) {
  const auto* scales = row + x.groups * kHalf;
  for (int64_t r = 0; r < x.rows; ++r) {
    float sum = 0.0F, offset = 0.0F;
    for (int64_t g = 0; g < x.groups; ++g) {
      const auto* values = x.values + (r * x.groups + g) * kInt4Group;
      int32_t products = 0;
      for (int64_t i = 0; i < kHalf; ++i) {
        const auto both = std::to_integer<int32_t>(row[g * kHalf + i]);
        products += (both & 15) * values[i] + (both >> 4) * values[i + kHalf];
      }
      const float scale = scale_at(scales, g);
      sum += scale * x.scales[r * x.groups + g] * static_cast<float>(products);
      offset += scale * x.eightfold[r * x.groups + g];
    }
    out[r * out_step] = sum - offset;
  }
}

#if defined(__x86_64__)
#define ARZOO_AVX2_FMA __attribute__((target("avx2,fma,f16c")))

// How far ahead of a stream of weights the processor is asked for it.
constexpr int64_t kWeightsAhead = 2048;
constexpr int64_t kScalesAtOnce = 8;

ARZOO_AVX2_FMA inline float sum_of(__m256 lanes) {
  auto sums = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps(lanes, 1));
  sums = _mm_add_ps(sums, _mm_movehl_ps(sums, sums));
  return _mm_cvtss_f32(_mm_add_ss(sums, _mm_movehdup_ps(sums)));
}

/// The numbers of a group of weights, each plus 8.
ARZOO_AVX2_FMA inline __m256i unpacked(const std::byte* group) {
  const auto both = _mm_loadu_si128(reinterpret_cast<const __m128i*>(group));
  const auto halves = _mm256_inserti128_si256(_mm256_castsi128_si256(both), _mm_srli_epi16(both, 4), 1);
  return _mm256_and_si256(halves, _mm256_set1_epi8(15));
}

/// Sums of four neighbouring products each. A sum of two fits 16 bits: at most 2 * 15 * 127.
ARZOO_AVX2_FMA inline __m256 group_products(__m256i weights, const int8_t* x) {
  const auto pairs = _mm256_maddubs_epi16(weights, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)));
  return _mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/// Multiplies the scales of a row of weights with those of x, into `scales`, [Rows, groups], and returns in
/// `offsets` what the 8 that is added to each weight makes too much.
template <int Rows>
ARZOO_AVX2_FMA void combine_scales(const Int4Operand& x, const std::byte* halves, float* scales,
                                   float* offsets) {
  const int64_t groups = x.groups, whole = groups / kScalesAtOnce * kScalesAtOnce;
  __m256 sums[Rows];
  for (auto& sum : sums) sum = _mm256_setzero_ps();
  for (int64_t g = 0; g < whole; g += kScalesAtOnce) {
    const auto own = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(halves + 2 * g)));
    for (int r = 0; r < Rows; ++r) {
      const int64_t place = r * groups + g;
      _mm256_storeu_ps(scales + place, _mm256_mul_ps(own, _mm256_loadu_ps(x.scales + place)));
      sums[r] = _mm256_fmadd_ps(own, _mm256_loadu_ps(x.eightfold + place), sums[r]);
    }
  }
  for (int r = 0; r < Rows; ++r) {
    offsets[r] = sum_of(sums[r]);
    for (int64_t g = whole; g < groups; ++g) {
      const float own = scale_at(halves, g);
      scales[r * groups + g] = own * x.scales[r * groups + g];
      offsets[r] += own * x.eightfold[r * groups + g];
    }
  }
}

/// Rows rows of x by one row of weights. scales: room for Rows * groups numbers.
template <int Rows>
ARZOO_AVX2_FMA void avx2_product(const Int4Operand& x, const std::byte* row, float* scales, float* out,
                                 int64_t out_step) {
  float offsets[Rows];
  combine_scales<Rows>(x, row + x.groups * kHalf, scales, offsets);
  __m256 sums[Rows][2];  // that do not wait for each other
  for (auto& sum : sums) sum[0] = sum[1] = _mm256_setzero_ps();
  for (int64_t g = 0; g < x.groups; ++g) {
    _mm_prefetch(reinterpret_cast<const char*>(row + g * kHalf) + kWeightsAhead, _MM_HINT_T0);
    const auto weights = unpacked(row + g * kHalf);
    for (int r = 0; r < Rows; ++r) {
      const int64_t place = r * x.groups + g;
      sums[r][g % 2] = _mm256_fmadd_ps(group_products(weights, x.values + place * kInt4Group),
                                       _mm256_set1_ps(scales[place]), sums[r][g % 2]);
    }
  }
  for (int r = 0; r < Rows; ++r)
    out[r * out_step] = sum_of(_mm256_add_ps(sums[r][0], sums[r][1])) - offsets[r];
}

void avx2_products(const Int4Operand& x, const std::byte* weights, int64_t columns, float* out,
                   int64_t out_step) {
  constexpr decltype(&avx2_product<1>) kProducts[kFewInt4Rows] = {&avx2_product<1>, &avx2_product<2>,
                                                                  &avx2_product<3>, &avx2_product<4>};
  std::vector<float> scales(static_cast<std::size_t>(x.rows * x.groups));
  const int64_t step = x.groups * (kHalf + 2);
  for (int64_t j = 0; j < columns; ++j)
    kProducts[x.rows - 1](x, weights + j * step, scales.data(), out + j, out_step);
}

bool has_avx2_fma() {
  // Every processor with AVX2 converts numbers of 16 bits (F16C), after which clang 14 cannot ask.
  static const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return has;
}
#endif

/// The nearest integer of x, which is small.
ARZOO_INTO_CLONES int32_t nearest(float x) {
  return std::bit_cast<int32_t>(x + kToNearest) - std::bit_cast<int32_t>(kToNearest);
}

ARZOO_INTO_CLONES int32_t quarter_byte(float x, float inverse) {
  return std::clamp(nearest(x * inverse), -8, 7);
}

/// The scale that is best for the integers that a group is rounded to by `scale`.
ARZOO_CLONES float fitted_scale(const float* group, float scale) {
  const float inverse = 1.0F / scale;
  float products = 0.0F, squares = 0.0F;
  for (int64_t i = 0; i < kInt4Group; ++i) {
    const auto q = static_cast<float>(quarter_byte(group[i], inverse));
    products += q * group[i];
    squares += q * q;
  }
  return squares > 0.0F ? products / squares : 0.0F;
}

/// What a group loses by this scale.
ARZOO_CLONES float squared_error(const float* group, float scale) {
  const float inverse = scale != 0.0F ? 1.0F / scale : 0.0F;
  float sum = 0.0F;
  for (int64_t i = 0; i < kInt4Group; ++i) {
    const float error = group[i] - scale * static_cast<float>(quarter_byte(group[i], inverse));
    sum += error * error;
  }
  return sum;
}

/// The largest number that a scale of 16 bits reaches.
constexpr float kLargestWeight = 8.0F * 65504.0F;

/// The number of largest magnitude, with its sign; NaN where a number is not finite.
float extreme(const float* group) {
  float largest = 0.0F;
  for (int64_t i = 0; i < kInt4Group; ++i) {
    if (!std::isfinite(group[i])) return std::numeric_limits<float>::quiet_NaN();
    if (std::abs(group[i]) > std::abs(largest)) largest = group[i];
  }
  return largest;
}

/// The scale of a group as it is kept, in 16 bits.
c10::Half group_scale(const float* group) {
  // -8 is the integer of largest magnitude, so the extreme number becomes it, or nearly. Of numbers that were
  // rounded before, whose extreme is -8, +-7 or +-6, one of these finds the integers again.
  constexpr std::array kLevels{-8.0F, -7.5F, -8.5F, -7.0F, -9.0F, -6.0F, -9.5F};
  const float largest = extreme(group);
  // Also NaN, which no comparison lets pass.
  if (!(std::abs(largest) < kLargestWeight)) return c10::Half(std::numeric_limits<float>::quiet_NaN());
  c10::Half best(0.0F);
  float least = squared_error(group, 0.0F);
  for (const float level : kLevels) {
    const c10::Half scale(fitted_scale(group, largest / level));
    const float error = squared_error(group, static_cast<float>(scale));
    if (!(error < least)) continue;
    best = scale;
    least = error;
  }
  return best;
}

}  // namespace

void int4_operand_row(const float* x, int64_t width, int8_t* values, float* scales, float* eightfold) {
  constexpr float kLargest = 127.0F;
  for (int64_t g = 0; g < int4_groups(width); ++g) {
    float group[kInt4Group] = {};
    std::copy_n(x + g * kInt4Group, std::min(kInt4Group, width - g * kInt4Group), group);
    const float largest = std::abs(extreme(group));
    const float inverse = largest > 0.0F ? kLargest / largest : 0.0F;
    int32_t sum = 0;
    for (int64_t i = 0; i < kInt4Group; ++i) {
      const int32_t value = std::isnan(inverse) ? 0 : nearest(group[i] * inverse);
      values[g * kInt4Group + i] = static_cast<int8_t>(value);
      sum += value;
    }
    scales[g] = largest / kLargest;
    eightfold[g] = kOffset * static_cast<float>(sum) * scales[g];
  }
}

void int4_products(const Int4Operand& x, const std::byte* weights, int64_t columns, float* out,
                   int64_t out_step) {
  if (x.rows == 0) return;
#if defined(__x86_64__)
  if (has_avx2_fma()) return avx2_products(x, weights, columns, out, out_step);
#endif
  const int64_t step = x.groups * (kHalf + 2);
  for (int64_t j = 0; j < columns; ++j) plain_product(x, weights + j * step, out + j, out_step);
}

void int4_weight_row(const float* weights, int64_t width, std::byte* out) {
  const int64_t groups = int4_groups(width);
  for (int64_t g = 0; g < groups; ++g) {
    float group[kInt4Group] = {};
    std::copy_n(weights + g * kInt4Group, std::min(kInt4Group, width - g * kInt4Group), group);
    const auto scale = group_scale(group);
    const auto value = static_cast<float>(scale);
    const float inverse = value != 0.0F && !std::isnan(value) ? 1.0F / value : 0.0F;
    const auto byte_of = [&](float number) {
      return static_cast<std::byte>(std::isnan(value) ? 8 : quarter_byte(number, inverse) + 8);
    };
    for (int64_t i = 0; i < kHalf; ++i)
      out[g * kHalf + i] = byte_of(group[i]) | (byte_of(group[i + kHalf]) << 4);
    std::memcpy(out + groups * kHalf + g * static_cast<int64_t>(sizeof scale), &scale, sizeof scale);
  }
}

void int4_numbers(const std::byte* row, int64_t width, float* out) {
  const auto* scales = row + int4_groups(width) * kHalf;
  for (int64_t g = 0; g < int4_groups(width); ++g) {
    const float scale = scale_at(scales, g);
    float group[kInt4Group];
    for (int64_t i = 0; i < kHalf; ++i) {
      const auto both = std::to_integer<int32_t>(row[g * kHalf + i]);
      group[i] = scale * static_cast<float>((both & 15) - 8);
      group[i + kHalf] = scale * static_cast<float>((both >> 4) - 8);
    }
    std::copy_n(group, std::min(kInt4Group, width - g * kInt4Group), out + g * kInt4Group);
  }
}

}  // namespace arzoo::kernels
