#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <span>
#include <vector>

#include "forecast/data/sequences.h"

namespace arzoo::forecast {

/// How a series is normalised as a whole before windows are cut from it.
enum class SequenceScale {
  none,
  zero,  ///< standardised by its mean and its population standard deviation where that is not 0
  max,   ///< divided by its largest magnitude where that is not 0
};

/// How windows are cut (SequenceOptions::windows).
enum class SequenceCut {
  apart,   ///< each window is of one series
  packed,  ///< the series one behind the other, cut every max_length + 1 points
};

/// [B, max_length] each.
struct TokenBatch {
  at::Tensor input_ids;   ///< float
  at::Tensor labels;      ///< float, the point after each input
  at::Tensor loss_masks;  ///< long, 1 at labels that exist
};

/// The windows of Time-MoE's training. Series of fewer than two points give none.
///
/// Apart (its TimeMoEWindowDataset): a series gives windows of max_length + 1 points at 0, stride, 2 stride,
/// … as far as they are whole, and one padded with zeros on the right when it is shorter. Packed: windows go
/// on where the one before ended, through the series in their order; the label that is the first point of
/// another series has the mask 0.
class SequenceWindows {
 public:
  /// Where a window starts.
  struct Place {
    int64_t sequence, offset;
  };

  /// stride: max_length when not given. `chosen`: numbers of the series that take part, ascending.
  SequenceWindows(const Sequences& sequences, std::vector<int64_t> chosen, SequenceScale scale,
                  SequenceCut cut, int64_t max_length, std::optional<int64_t> stride);
  /// All series, apart.
  SequenceWindows(const Sequences& sequences, SequenceScale scale, int64_t max_length,
                  std::optional<int64_t> stride);

  int64_t size() const { return static_cast<int64_t>(places_.size()); }
  Place place(int64_t index) const;
  TokenBatch batch(std::span<const int64_t> indices) const;

 private:
  struct Start {
    int64_t chosen, offset;  ///< the place in `chosen_`
  };
  void cut_apart(int64_t stride);
  void cut_packed();
  std::vector<double> normalised(int64_t chosen) const;
  void fill(const Start& start, float* inputs, float* labels, int64_t* masks) const;

  const Sequences& sequences_;
  std::vector<int64_t> chosen_;
  SequenceScale scale_;
  SequenceCut cut_;
  int64_t max_length_;
  std::vector<Start> places_;
};

}  // namespace arzoo::forecast
