#pragma once

#include <vector>

#include "core/config.h"
#include "io/series_table.h"

namespace arzoo::forecast {

/// Standardisation of each variate by its training rows: mean and population standard deviation in double, as
/// scikit-learn's StandardScaler, which the official loaders use. A constant column keeps its scale.
struct StandardScaler {
  std::vector<double> mean, scale;

  /// values: [rows, variates] row-major; fits on rows [begin, end). `freedom`: subtracted from the number of
  /// rows by which the squares are divided; 1 gives the unbiased standard deviation.
  static StandardScaler fit(const std::vector<double>& values, int64_t variates, int64_t begin, int64_t end,
                            int64_t freedom = 0);
  /// The same of a table's measured cells alone. A variate without any in these rows keeps its values.
  static StandardScaler fit(const io::SeriesTable& table, int64_t begin, int64_t end);
  /// Leaves values as they are.
  static StandardScaler identity(int64_t variates);

  float transform(double value, int64_t variate) const {
    return static_cast<float>((value - mean[variate]) / scale[variate]);
  }
  double inverse(double value, int64_t variate) const { return value * scale[variate] + mean[variate]; }

  static void fields(auto& o, auto& field) {
    field("mean", o.mean, {}, "of each variate");
    field("scale", o.scale, more_than(0), "of each variate");
  }
  void check() const {
    require(mean.size() == scale.size(), "mean and scale must have one number per variate");
  }
};

}  // namespace arzoo::forecast
