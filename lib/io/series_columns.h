#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "io/series_table.h"

namespace arzoo::io {

/// Which column of a CSV file plays which part.
struct SeriesColumns {
  std::size_t date = 0;
  std::optional<std::size_t> id;      ///< long files
  std::vector<std::size_t> variates;  ///< at least one; of a long file, the target first
};

/// Throws DataError, naming the columns there are or the nearest name, if a part has no column.
SeriesColumns choose_columns(const CsvTable& table, const SeriesReadOptions& options);

}  // namespace arzoo::io
