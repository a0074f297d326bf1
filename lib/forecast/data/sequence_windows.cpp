#include "forecast/data/sequence_windows.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "forecast/data/scaler.h"

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

std::vector<int64_t> all_of(const Sequences& sequences) {
  std::vector<int64_t> numbers(sequences.size());
  std::iota(numbers.begin(), numbers.end(), int64_t{0});
  return numbers;
}

}  // namespace

SequenceWindows::SequenceWindows(const Sequences& sequences, SequenceScale scale, int64_t max_length,
                                 std::optional<int64_t> stride)
    : SequenceWindows(sequences, all_of(sequences), scale, SequenceCut::apart, max_length, stride) {}

SequenceWindows::SequenceWindows(const Sequences& sequences, std::vector<int64_t> chosen, SequenceScale scale,
                                 SequenceCut cut, int64_t max_length, std::optional<int64_t> stride)
    : sequences_(sequences), chosen_(std::move(chosen)), scale_(scale), cut_(cut), max_length_(max_length) {
  std::erase_if(chosen_, [&](int64_t number) { return sequences_.length(number) < 2; });
  if (cut == SequenceCut::apart) {
    cut_apart(stride.value_or(max_length));
  } else {
    cut_packed();
  }
}

void SequenceWindows::cut_apart(int64_t stride) {
  for (std::size_t i = 0; i < chosen_.size(); ++i) {
    const int64_t last = sequences_.length(chosen_[i]) - (max_length_ + 1);
    places_.push_back({static_cast<int64_t>(i), 0});
    for (int64_t offset = stride; offset <= last; offset += stride)
      places_.push_back({static_cast<int64_t>(i), offset});
  }
}

void SequenceWindows::cut_packed() {
  int64_t next = 0;  // where the next window starts, counted from the start of the current series
  for (std::size_t i = 0; i < chosen_.size(); ++i) {
    const int64_t length = sequences_.length(chosen_[i]);
    for (; next < length; next += max_length_ + 1) places_.push_back({static_cast<int64_t>(i), next});
    next -= length;
  }
  // The points have ended within the last window.
  if (next > 0) places_.pop_back();
}

SequenceWindows::Place SequenceWindows::place(int64_t index) const {
  return {chosen_[places_[index].chosen], places_[index].offset};
}

std::vector<double> SequenceWindows::normalised(int64_t chosen) const {
  auto values = sequences_.values(chosen_[chosen]);
  rescale(values, scale_);
  return values;
}

/// One row of a batch, zeros so far.
void SequenceWindows::fill(const Start& start, float* inputs, float* labels, int64_t* masks) const {
  int64_t offset = start.offset, point = 0;  // points of the window that are there
  for (int64_t i = start.chosen; point <= max_length_; ++i, offset = 0) {
    const auto values = normalised(i);
    const int64_t count = std::min(max_length_ + 1 - point, static_cast<int64_t>(values.size()) - offset);
    for (int64_t t = 0; t < count; ++t, ++point) {
      const auto value = static_cast<float>(values[offset + t]);
      if (point < max_length_) inputs[point] = value;
      if (point == 0) continue;
      labels[point - 1] = value;
      masks[point - 1] = t > 0 ? 1 : 0;
    }
    if (cut_ == SequenceCut::apart) return;
  }
}

TokenBatch SequenceWindows::batch(std::span<const int64_t> indices) const {
  const auto rows = static_cast<int64_t>(indices.size());
  TokenBatch batch{at::zeros({rows, max_length_}), at::zeros({rows, max_length_}),
                   at::zeros({rows, max_length_}, at::kLong)};
  for (int64_t row = 0; row < rows; ++row) {
    fill(places_[indices[row]], batch.input_ids[row].mutable_data_ptr<float>(),
         batch.labels[row].mutable_data_ptr<float>(), batch.loss_masks[row].mutable_data_ptr<int64_t>());
  }
  return batch;
}

}  // namespace arzoo::forecast
