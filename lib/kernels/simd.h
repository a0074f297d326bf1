#pragma once

#include <bit>
#include <cstdint>
#include <limits>

#include "kernels/multiversion.h"

/// Straight-line code that the compiler turns into vector instructions, for functions with ARZOO_CLONES.
namespace arzoo::kernels {

constexpr int64_t kLanes = 16;

/// The least multiple of kLanes that is not below `size`.
constexpr int64_t whole_vectors(int64_t size) { return (size + kLanes - 1) / kLanes * kLanes; }

/// e^x for x <= 0 to 1 ulp (Cephes' expf).
ARZOO_INTO_CLONES float exp_nonpositive(float x) {
  x = x < -87.0F ? -87.0F : x;
  const float shifted =
      x * 1.44269504F + 12582912.0F;  // rounds to the nearest integer in the low mantissa bits
  const float n = shifted - 12582912.0F;
  const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  return p * std::bit_cast<float>((static_cast<int32_t>(n) + 127) << 23);
}

/// x / (1 + e^-x) to 2 ulp, without overflow; -1e-36 instead of less below -87.
ARZOO_INTO_CLONES float silu(float x) {
  const float bounded = x < -87.0F ? -87.0F : x;
  const float e = exp_nonpositive(bounded < 0.0F ? bounded : -bounded);
  return bounded * (bounded < 0.0F ? e : 1.0F) / (1.0F + e);
}

/// kLanes numbers that the compiler keeps in registers; at any address, of any floats.
using Lanes [[gnu::vector_size(kLanes * sizeof(float)), gnu::aligned(sizeof(float)), gnu::may_alias]] = float;

/// out[r][j] = sum_i factors[r][i] * rows[i][j], added to what is there if Add, for Rows rows of factors and
/// Vectors vectors of columns, whose sums stay in registers: each number is read once for all of them. A step
/// is the distance between rows.
template <int Rows, int Vectors, bool Add = false>
ARZOO_INTO_CLONES void weighted_sums(const float* factors, int64_t factor_step, const float* rows,
                                     int64_t count, int64_t row_step, float* out, int64_t out_step) {
  Lanes sums[Rows][Vectors] = {};
  if (Add) {
    for (int r = 0; r < Rows; ++r) {
      for (int column = 0; column < Vectors; ++column)
        sums[r][column] = *reinterpret_cast<Lanes*>(out + r * out_step + column * kLanes);
    }
  }
  for (int64_t i = 0; i < count; ++i) {
    for (int column = 0; column < Vectors; ++column) {
      const Lanes row = *reinterpret_cast<const Lanes*>(rows + i * row_step + column * kLanes);
      for (int r = 0; r < Rows; ++r) sums[r][column] += factors[r * factor_step + i] * row;
    }
  }
  for (int r = 0; r < Rows; ++r) {
    for (int column = 0; column < Vectors; ++column)
      *reinterpret_cast<Lanes*>(out + r * out_step + column * kLanes) = sums[r][column];
  }
}

/// out[j] = sum_i factors[i] * rows[i * stride + j] for one vector of columns.
ARZOO_INTO_CLONES void weighted_sum(const float* factors, const float* rows, int64_t count, int64_t stride,
                                    float* out) {
  weighted_sums<1, 1>(factors, 0, rows, count, stride, out, 0);
}

/// <a, b>, summed in kLanes interleaved partial sums.
ARZOO_INTO_CLONES float dot(const float* a, const float* b, int64_t size) {
  float sums[kLanes] = {};
  const int64_t whole = size / kLanes * kLanes;
  for (int64_t e = 0; e < whole; e += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[e + lane] * b[e + lane];
  }
  float sum = 0.0F;
  for (int64_t e = whole; e < size; ++e) sum += a[e] * b[e];
  for (const float part : sums) sum += part;
  return sum;
}

/// scores[0 .. count - 1] become their softmax; scores up to whole_vectors(count) may be read and
/// overwritten.
ARZOO_INTO_CLONES void softmax(float* scores, int64_t count) {
  constexpr float kLowest = -std::numeric_limits<float>::max();
  const int64_t padded = whole_vectors(count);
  for (int64_t j = count; j < padded; ++j) scores[j] = kLowest;
  float tops[kLanes], sums[kLanes] = {};
  for (float& top : tops) top = kLowest;
  for (int64_t j = 0; j < padded; j += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane)
      tops[lane] = scores[j + lane] > tops[lane] ? scores[j + lane] : tops[lane];
  }
  float largest = kLowest;
  for (const float top : tops) largest = top > largest ? top : largest;
  for (int64_t j = 0; j < padded; ++j) scores[j] = exp_nonpositive(scores[j] - largest);
  for (int64_t j = count; j < padded; ++j) scores[j] = 0.0F;
  for (int64_t j = 0; j < padded; j += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) sums[lane] += scores[j + lane];
  }
  float sum = 0.0F;
  for (const float part : sums) sum += part;
  const float share = 1.0F / sum;
  for (int64_t j = 0; j < padded; ++j) scores[j] *= share;
}

}  // namespace arzoo::kernels
