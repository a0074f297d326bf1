#pragma once

#include <bit>
#include <cstdint>

/// Straight-line code that the compiler turns into vector instructions, for functions with ARZOO_CLONES.
namespace arzoo::nn {

constexpr int64_t kLanes = 16;

/// The least multiple of kLanes that is not below `size`.
constexpr int64_t whole_vectors(int64_t size) { return (size + kLanes - 1) / kLanes * kLanes; }

/// e^x for x <= 0 to 1 ulp (Cephes' expf).
inline float exp_nonpositive(float x) {
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

/// out[j] = sum_i factors[i] * rows[i * stride + j] for one vector of columns, which stays in a register.
inline void weighted_sum(const float* factors, const float* rows, int64_t count, int64_t stride, float* out) {
  float sum[kLanes] = {};
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t lane = 0; lane < kLanes; ++lane) sum[lane] += factors[i] * rows[i * stride + lane];
  }
  for (int64_t lane = 0; lane < kLanes; ++lane) out[lane] = sum[lane];
}

/// <a, b>, summed in kLanes interleaved partial sums.
inline float dot(const float* a, const float* b, int64_t size) {
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
inline void softmax(float* scores, int64_t count) {
  float largest = scores[0];
  for (int64_t j = 1; j < count; ++j) largest = scores[j] > largest ? scores[j] : largest;
  const int64_t padded = whole_vectors(count);
  for (int64_t j = 0; j < padded; ++j) scores[j] = exp_nonpositive(scores[j] - largest);
  float sum = 0.0F;
  for (int64_t j = 0; j < count; ++j) sum += scores[j];
  for (int64_t j = 0; j < count; ++j) scores[j] /= sum;
}

}  // namespace arzoo::nn
