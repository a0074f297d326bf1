#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "core/json.h"
#include "io/series_table.h"

namespace arzoo::forecast {

/// Cells of one variate that were shifted: row → by how many seasonal naive errors.
using InjectedCells = std::map<int64_t, int64_t>;

/// Shifts `count` measured cells of a variate, evenly spread over the rows from `first` on, up and down in
/// turn, by 2, 4, 8, 2, 4, 8, … times the mean absolute difference of values a season apart. Returns which;
/// none where the variate has no such difference.
InjectedCells inject_anomalies(io::SeriesTable& table, std::size_t variate, int64_t first, int64_t count);

/// How a detector does on such cells.
class InjectionScore {
 public:
  /// A scored cell. shift: of an injected one, 0 for another.
  void add(int64_t shift, bool flagged);
  /// All that the other has counted.
  void add(const InjectionScore& other);
  /// {"cells", "found", "recall", "recall_by_size": {"2": share, …}, "precision", "false_alarm_rate"}, null
  /// where there is no such number.
  Json json() const;

 private:
  struct Count {
    int64_t cells = 0, flagged = 0;
  };
  std::map<int64_t, Count> by_size_;
  Count clean_;
};

}  // namespace arzoo::forecast
