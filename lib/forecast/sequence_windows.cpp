#include "forecast/sequence_windows.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "forecast/scaler.h"

namespace arzoo::forecast {
namespace {

void rescale(std::vector<double>& values, SequenceScale scale) {
  if (scale == SequenceScale::zero) {
    const auto own = StandardScaler::fit(values, 1, 0, static_cast<int64_t>(values.size()));
    for (auto& value : values) value = (value - own.mean[0]) / own.scale[0];
  } else if (scale == SequenceScale::max) {
    double largest = 0.0;
    for (const double value : values) largest = std::max(largest, std::abs(value));
    if (largest == 0.0) return;
    for (auto& value : values) value /= largest;
  }
}

}  // namespace

SequenceWindows::SequenceWindows(const Sequences& sequences, SequenceScale scale, int64_t max_length,
                                 std::optional<int64_t> stride)
    : sequences_(sequences), scale_(scale), max_length_(max_length) {
  const int64_t step = stride.value_or(max_length);
  for (int64_t i = 0; i < sequences.size(); ++i) {
    const int64_t length = sequences.length(i);
    if (length < 2) continue;
    places_.push_back({i, 0});
    for (int64_t offset = step; offset <= length - (max_length + 1); offset += step)
      places_.push_back({i, offset});
  }
}

TokenBatch SequenceWindows::batch(std::span<const int64_t> indices) const {
  const auto rows = static_cast<int64_t>(indices.size());
  TokenBatch batch{at::zeros({rows, max_length_}), at::zeros({rows, max_length_}),
                   at::zeros({rows, max_length_}, at::kLong)};
  auto inputs = batch.input_ids.accessor<float, 2>(), labels = batch.labels.accessor<float, 2>();
  auto masks = batch.loss_masks.accessor<int64_t, 2>();
  for (int64_t row = 0; row < rows; ++row) {
    const auto from = places_[indices[row]];
    auto values = sequences_.values(from.sequence);
    rescale(values, scale_);
    const int64_t known = std::min(max_length_, static_cast<int64_t>(values.size()) - from.offset - 1);
    for (int64_t t = 0; t <= known && t < max_length_; ++t)
      inputs[row][t] = static_cast<float>(values[from.offset + t]);
    for (int64_t t = 0; t < known; ++t) {
      labels[row][t] = static_cast<float>(values[from.offset + t + 1]);
      masks[row][t] = 1;
    }
  }
  return batch;
}

}  // namespace arzoo::forecast
