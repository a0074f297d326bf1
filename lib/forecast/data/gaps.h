#pragma once

#include <ATen/core/Tensor.h>

#include "io/series_table.h"

namespace arzoo::forecast {

/// Where a series was not measured. What io::MissingPolicy::interpolate put there may come from a later
/// value; a window must not see one from beyond its end.
class Gaps {
 public:
  Gaps() = default;
  /// values: [T, C] float, the table's cells as windows are cut from them.
  Gaps(const io::SeriesTable& table, at::Tensor values);

  bool empty() const { return !last_measured_.defined(); }
  /// `window`: rows [row, row + rows) as they lie in the series, row-major. Those of a gap that is still open
  /// at row `known`, the first that nothing is known of, become the last value measured before; 0, the mean
  /// of scaled values, if there is none.
  void hide_future(float* window, int64_t row, int64_t rows, int64_t known) const;
  /// [rows, C] bool of rows [row, row + rows).
  at::Tensor measured(int64_t row, int64_t rows) const;

 private:
  at::Tensor values_;
  at::Tensor last_measured_;  ///< [T, C] int32: the row itself or the last one before it; -1: none
};

}  // namespace arzoo::forecast
