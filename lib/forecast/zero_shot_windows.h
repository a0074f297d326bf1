#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/series_table.h"
#include "forecast/forecaster.h"

namespace arzoo::forecast {

/// The windows of Time-MoE's official zero-shot evaluation (run_eval.py): each column of the file is scaled
/// by the mean and population deviation of its training rows, and every window of its test rows but the last
/// one is forecast, without any further normalisation. Windows are numbered column by column.
class ZeroShotWindows {
 public:
  /// The file's name decides its test rows: those of ETTh and ETTm are fixed, of other files the last fifth.
  /// Throws DataError when it holds no window.
  ZeroShotWindows(const SeriesTable& table, const std::string& file_name, int64_t context, int64_t horizon);

  int64_t size() const { return columns_ * per_column_; }
  int64_t columns() const { return columns_; }
  /// x_enc: [B, context, 1]; target: [B, horizon, 1].
  ForecastBatch batch(std::span<const int64_t> indices) const;

 private:
  int64_t context_, horizon_, columns_, per_column_ = 0;
  at::Tensor values_;  ///< [columns, test rows and the context before them] float
};

}  // namespace arzoo::forecast
