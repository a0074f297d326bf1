#include "kernels/moving_mean.h"

#include <algorithm>

#include "kernels/multiversion.h"

namespace arzoo::kernels {
namespace {

ARZOO_CLONES void moving_mean_clones(const float* x, float* mean, int64_t length, int64_t half) {
  const double share = 1.0 / static_cast<double>(2 * half + 1);
  const int64_t last = length - 1;
  double sum[kBlockColumns];
  for (int64_t j = 0; j < kBlockColumns; ++j) sum[j] = static_cast<double>(half + 1) * x[j];
  for (int64_t i = 1; i <= half; ++i) {
    const float* row = x + std::min(i, last) * kBlockColumns;
    for (int64_t j = 0; j < kBlockColumns; ++j) sum[j] += row[j];
  }
  for (int64_t t = 0; t < length; ++t) {
    float* out = mean + t * kBlockColumns;
    const float* entering = x + std::min(t + half + 1, last) * kBlockColumns;
    const float* leaving = x + std::max<int64_t>(t - half, 0) * kBlockColumns;
    for (int64_t j = 0; j < kBlockColumns; ++j) {
      out[j] = static_cast<float>(sum[j] * share);
      sum[j] += static_cast<double>(entering[j]) - static_cast<double>(leaving[j]);
    }
  }
}

ARZOO_CLONES void moving_mean_transposed_clones(const float* g, float* out, int64_t length, int64_t half) {
  const auto share = static_cast<float>(1.0 / static_cast<double>(2 * half + 1));
  double sum[kBlockColumns] = {}, first[kBlockColumns] = {}, final[kBlockColumns] = {};
  for (int64_t t = 0; t < std::min(half + 1, length); ++t) {
    for (int64_t j = 0; j < kBlockColumns; ++j) sum[j] += g[t * kBlockColumns + j];
  }
  // The first and the last step are repeated beyond the ends: step t sees half - t of these.
  for (int64_t t = 0; t < std::min(half, length); ++t) {
    const auto times = static_cast<double>(half - t);
    const float* from_start = g + t * kBlockColumns;
    const float* from_end = g + (length - 1 - t) * kBlockColumns;
    for (int64_t j = 0; j < kBlockColumns; ++j) {
      first[j] += times * from_start[j];
      final[j] += times * from_end[j];
    }
  }
  for (int64_t u = 0; u < length; ++u) {
    float* row = out + u * kBlockColumns;
    const int64_t entering = u + half + 1, leaving = u - half;
    for (int64_t j = 0; j < kBlockColumns; ++j) row[j] = static_cast<float>(sum[j]) * share;
    for (int64_t j = 0; entering < length && j < kBlockColumns; ++j)
      sum[j] += g[entering * kBlockColumns + j];
    for (int64_t j = 0; leaving >= 0 && j < kBlockColumns; ++j) sum[j] -= g[leaving * kBlockColumns + j];
  }
  float* end = out + (length - 1) * kBlockColumns;
  for (int64_t j = 0; j < kBlockColumns; ++j) out[j] += static_cast<float>(first[j]) * share;
  for (int64_t j = 0; j < kBlockColumns; ++j) end[j] += static_cast<float>(final[j]) * share;
}

}  // namespace

void moving_mean(const float* x, float* mean, int64_t length, int64_t half) {
  moving_mean_clones(x, mean, length, half);
}

void moving_mean_transposed(const float* g, float* sum, int64_t length, int64_t half) {
  moving_mean_transposed_clones(g, sum, length, half);
}

}  // namespace arzoo::kernels
