#include "forecast/data/gaps.h"

#include <torch/torch.h>

#include <algorithm>

namespace arzoo::forecast {

Gaps::Gaps(const io::SeriesTable& table, at::Tensor values) {
  if (table.filled.empty()) return;
  values_ = std::move(values);
  const auto rows = values_.size(0), width = values_.size(1);
  last_measured_ = at::full({rows, width}, -1, at::kInt);
  auto last = last_measured_.accessor<int32_t, 2>();
  for (int64_t t = 0; t < rows; ++t) {
    for (int64_t c = 0; c < width; ++c) {
      const bool here = table.measured(static_cast<std::size_t>(t), static_cast<std::size_t>(c));
      last[t][c] = here ? static_cast<int32_t>(t) : t > 0 ? last[t - 1][c] : -1;
    }
  }
}

void Gaps::hide_future(float* window, int64_t row, int64_t rows, int64_t known) const {
  if (empty()) return;
  const auto last = last_measured_.accessor<int32_t, 2>();
  const auto values = values_.accessor<float, 2>();
  const int64_t width = values_.size(1);
  for (int64_t c = 0; c < width; ++c) {
    const int64_t before = last[known - 1][c];
    const float value = before < 0 ? 0.0f : values[before][c];
    for (int64_t t = std::max(row, before + 1); t < row + rows; ++t) window[(t - row) * width + c] = value;
  }
}

at::Tensor Gaps::measured(int64_t row, int64_t rows) const {
  return last_measured_.narrow(0, row, rows).eq(at::arange(row, row + rows, at::kInt).unsqueeze(1));
}

}  // namespace arzoo::forecast
