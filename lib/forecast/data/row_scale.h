#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace arzoo::forecast {

/// Location and scale of each row of a batch, [B, 1] float each: the instance norm of the Chronos models.
struct RowScale {
  at::Tensor loc;    ///< mean of what is observed, 0 where nothing is
  at::Tensor scale;  ///< population standard deviation, 1 where nothing is observed, 1e-5 where it is 0

  /// (rows - loc) / scale, then asinh where it is wanted. rows: [B, T].
  at::Tensor apply(const at::Tensor& rows, bool arcsinh) const;
  /// Undoes it. values: [B, Q, H].
  at::Tensor invert(const at::Tensor& values, bool arcsinh) const;
};

/// rows: [B, T] float, NaN where nothing is observed.
RowScale row_scale(const at::Tensor& rows);

/// Rows cut into patches, [B, N, P] float each.
struct Patches {
  at::Tensor values;  ///< 0 where nothing is observed
  at::Tensor mask;    ///< 1 where a value is observed
  at::Tensor any;     ///< [B, N] bool: a value of the patch is observed
};

/// values: [B, T], NaN where missing; mask: [B, T], 0 where a value does not count. Both are padded on the
/// left to a multiple of `size`, then cut every `stride` steps.
Patches left_padded_patches(const at::Tensor& values, const at::Tensor& mask, int64_t size, int64_t stride);

/// The last `most` columns.
at::Tensor last_columns(const at::Tensor& rows, int64_t most);

/// Rows of unequal length, [T] each, padded on the left with NaN to the longest: [B, T].
at::Tensor left_padded_rows(const std::vector<at::Tensor>& rows);

}  // namespace arzoo::forecast
