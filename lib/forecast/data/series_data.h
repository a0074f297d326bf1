#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "forecast/data/covariates.h"
#include "forecast/data/gaps.h"
#include "forecast/data/scaler.h"
#include "forecast/data/series_sources.h"
#include "forecast/data_options.h"
#include "forecast/forecaster.h"
#include "runtime/experiment.h"

namespace arzoo::forecast {

/// Rows [begin, end) of a series that belong to a split; windows may start in them.
struct Border {
  int64_t begin = 0, end = 0;
};

/// One of each runtime::Split.
using Borders = std::array<Border, 4>;

/// The rows of each split of a series of `rows` rows, all but training reaching seq_len rows back so that
/// their first window forecasts their first own row (Informer's data loader). Throws DataError naming `where`
/// when the file is too short for the ETT borders.
Borders split_borders(const SplitOptions& split, int64_t rows, int64_t seq_len, const std::string& where);

/// One series ready to be cut into windows.
struct WindowedSeries {
  std::string unique_id;
  StandardScaler scaler;
  std::shared_ptr<const std::vector<io::Timestamp>> stamps;  ///< [T], shared by the variates of a file
  at::Tensor values;                                         ///< [T, C] float, scaled
  at::Tensor marks;  ///< [T, M] float; undefined without calendar features
  Borders borders;
  Gaps gaps;
  StandardScaler known_scaler = {};  ///< of the channels of `known`
  at::Tensor known = {};             ///< [T, F] float, scaled covariates known ahead; undefined without any
  at::Tensor statics = {};           ///< [G] float, scaled; undefined without static covariates
};

/// Calendar features of these stamps, [T, M] float.
at::Tensor calendar_marks(const std::vector<io::Timestamp>& stamps, const io::Frequency& frequency,
                          int64_t timeenc);

/// The scaler of known-ahead covariates: of the table's measured cells in rows [begin, end), categories as
/// they are.
StandardScaler fit_known_scaler(const io::SeriesTable& known, const Channels& channels, int64_t begin,
                                int64_t end);

/// Keeps and orders the variates that `options` ask for: the target alone (S), or the target last (MS, or one
/// is given).
io::SeriesTable select_variates(io::SeriesTable table, const DataOptions& options);

/// The windows of all series of a file or of several, by split. With options.variates_apart() every variate
/// is a series of its own, so that a split's windows are all (window, variate) pairs of all files: sampled
/// evenly, each file counts in proportion to its size.
class SeriesData {
 public:
  /// Throws DataError when no series is long enough for a window, or the series have different variates.
  SeriesData(const std::vector<SourceTable>& tables, const DataOptions& options);
  /// The same with options.split for all of them.
  SeriesData(const std::vector<io::SeriesTable>& tables, const DataOptions& options);

  int64_t windows(runtime::Split split) const;
  /// The windows at these places of the split, in this order. A history's gaps are filled from nothing after
  /// its end.
  ForecastBatch batch(runtime::Split split, std::span<const int64_t> indices) const;
  /// The time stamps of a window's history and future.
  std::vector<io::Timestamp> stamps_of(runtime::Split split, int64_t index) const;
  SeriesShape shape() const;
  const std::vector<WindowedSeries>& series() const { return series_; }
  const std::vector<std::string>& variates() const { return variates_; }
  const io::Frequency& frequency() const { return frequency_; }
  /// The parts of the columns; empty without any.
  const CovariateRoles& roles() const { return roles_; }
  const io::Categories& categories() const { return categories_; }
  /// Of the static covariates' channels.
  const StandardScaler& static_scaler() const { return static_scaler_; }
  const DataOptions& options() const { return options_; }

 private:
  struct Place {
    const WindowedSeries* series;
    int64_t row;  ///< the window's first
    int64_t end;  ///< of the split's rows
  };
  void add(const io::SeriesTable& table, const SplitOptions& split,
           const std::shared_ptr<const std::vector<io::Timestamp>>& stamps);
  void add_covariates(const io::SeriesTable& table, const CovariateChannels& channels,
                      std::vector<double>& statics);
  void scale_statics(const CovariateChannels& channels, const std::vector<double>& statics);
  void require_windows(const std::vector<SourceTable>& tables) const;
  Place place(runtime::Split split, int64_t index) const;

  DataOptions options_;
  CovariateRoles roles_;
  io::Categories categories_;
  StandardScaler static_scaler_;
  std::vector<std::string> variates_;
  io::Frequency frequency_;
  bool has_gaps_ = false;
  std::vector<WindowedSeries> series_;
  std::array<std::vector<int64_t>, 4> first_window_;  ///< of each series, and the total at the end
};

}  // namespace arzoo::forecast
