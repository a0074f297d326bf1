#include "shape3d/farthest_points.h"

#include <torch/torch.h>

#include "core/error.h"
#include "kernels/parallel.h"

namespace arzoo::shape3d {
namespace {

/// points: N rows of three; chosen: `count` places.
void choose(const float* points, int64_t size, int64_t start, int64_t count, int64_t* chosen) {
  std::vector<float> distances(static_cast<std::size_t>(size), HUGE_VALF);
  int64_t latest = start;
  for (int64_t k = 0; k < count; ++k) {
    chosen[k] = latest;
    const float* from = points + 3 * latest;
    int64_t farthest = 0;
    float greatest = -1.0F;
    for (int64_t i = 0; i < size; ++i) {
      const float x = points[3 * i] - from[0], y = points[3 * i + 1] - from[1],
                  z = points[3 * i + 2] - from[2];
      auto& distance = distances[static_cast<std::size_t>(i)];
      distance = std::min(distance, x * x + y * y + z * z);
      if (distance <= greatest) continue;
      greatest = distance;
      farthest = i;
    }
    latest = farthest;
  }
}

}  // namespace

int64_t farthest_count(int64_t points, double ratio) {
  return static_cast<int64_t>(std::ceil(static_cast<float>(points) * static_cast<float>(ratio)));
}

at::Tensor corner_start(const at::Tensor& points) {
  // Not quite the diagonal, so that symmetric shapes have one such point.
  const auto direction = at::tensor({1.0F, 0.8F, 0.9F}, points.options());
  return at::matmul(points, direction).argmin(1);
}

at::Tensor farthest_points(const at::Tensor& points, const at::Tensor& start, int64_t count) {
  const int64_t batch = points.size(0), size = points.size(1);
  if (count > size) fail<DataError>("farthest points: {} of {} points", count, size);
  if (start.lt(0).logical_or(start.ge(size)).any().item<bool>())
    fail<DataError>("farthest points: a start outside of the {} points", size);
  const auto rows = points.detach().to(at::kCPU, at::kFloat).contiguous();
  const auto starts = start.to(at::kCPU, at::kLong).contiguous();
  const auto chosen = at::empty({batch, count}, at::kLong);
  const auto* data = rows.const_data_ptr<float>();
  const auto* first = starts.const_data_ptr<int64_t>();
  auto* out = chosen.mutable_data_ptr<int64_t>();
  kernels::parallel_for(batch, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) choose(data + 3 * b * size, size, first[b], count, out + b * count);
  });
  return chosen.to(points.device());
}

}  // namespace arzoo::shape3d
