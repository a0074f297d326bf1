#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <span>
#include <string>

#include "forecast/sequences.h"

namespace arzoo::forecast {

/// How a series is normalised as a whole before windows are cut from it.
enum class SequenceScale {
  none,
  zero,  ///< less its mean, by its population deviation where that is not 0
  max,   ///< by its largest magnitude where that is not 0
};

/// [B, max_length] each.
struct TokenBatch {
  at::Tensor input_ids;   ///< float
  at::Tensor labels;      ///< float, the point after each input
  at::Tensor loss_masks;  ///< long, 1 at labels that exist
};

/// The windows of Time-MoE's training (its TimeMoEWindowDataset): a series gives windows of max_length + 1
/// points at 0, stride, 2 stride, … as far as they are whole, and one padded with zeros on the right when it
/// is shorter. A series of fewer than two points gives none.
class SequenceWindows {
 public:
  struct Place {
    int64_t sequence, offset;
  };

  /// stride: max_length when not given.
  SequenceWindows(const Sequences& sequences, SequenceScale scale, int64_t max_length,
                  std::optional<int64_t> stride);

  int64_t size() const { return static_cast<int64_t>(places_.size()); }
  Place place(int64_t index) const { return places_[index]; }
  TokenBatch batch(std::span<const int64_t> indices) const;

 private:
  const Sequences& sequences_;
  SequenceScale scale_;
  int64_t max_length_;
  std::vector<Place> places_;
};

}  // namespace arzoo::forecast
