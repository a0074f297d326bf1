#pragma once

#include <span>
#include <string>
#include <vector>

#include "forecast/data/gaps.h"
#include "forecast/data/sequences.h"
#include "forecast/forecaster.h"
#include "io/series_table.h"

namespace arzoo::forecast {

/// The windows of Time-MoE's official zero-shot evaluation (run_eval.py): every window of a series' test rows
/// but the last one is forecast, without any further normalisation. Windows are numbered series by series.
class ZeroShotWindows {
 public:
  /// The columns of a table, each a series that is standardised by the mean and population standard deviation
  /// of its training rows. The file's name decides the test rows: those of ETTh and ETTm are fixed, of other
  /// files the last fifth. Throws DataError when there is no window.
  ZeroShotWindows(const io::SeriesTable& table, const std::string& file_name, int64_t context,
                  int64_t horizon);
  /// Sequences whole and as they are. Throws DataError when there is no window; `where` names them.
  ZeroShotWindows(const Sequences& sequences, const std::string& where, int64_t context, int64_t horizon);

  int64_t size() const { return first_.back(); }
  int64_t columns() const { return static_cast<int64_t>(tests_.size()); }
  /// The number of a window's series.
  int64_t series_of(int64_t window) const;
  /// x_enc: [B, context, 1], its gaps filled from nothing after its end; target, measured: [B, horizon, 1].
  ForecastBatch batch(std::span<const int64_t> indices) const;
  /// The training rows of each column, [rows] float, scaled; of sequences none.
  const std::vector<at::Tensor>& training() const { return training_; }

 private:
  struct Series {
    at::Tensor values;  ///< [rows] float
    int64_t begin;      ///< where the first test window's context begins
    Gaps gaps;
  };
  void add(Series test);

  int64_t context_, horizon_;
  bool has_gaps_ = false;
  std::vector<Series> tests_;
  std::vector<at::Tensor> training_;
  std::vector<int64_t> first_ = {0};  ///< number of each series' first window, and of all
};

}  // namespace arzoo::forecast
