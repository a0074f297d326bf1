#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "io/cell_number.h"
#include "io/csv.h"

namespace arzoo::io {

/// How a file writes its numbers.
struct Decimals {
  DecimalMark mark = DecimalMark::point;
  std::string example;    ///< the cell that shows a decimal comma
  std::size_t row = 0;    ///< where that stands
  bool is_guess = false;  ///< 1,234 could be a thousand or so; no cell decides
};

/// Looks at the cells of these columns. A comma can be a decimal one only where it is not the delimiter.
Decimals find_decimals(const CsvTable& table, const std::vector<std::size_t>& columns);

}  // namespace arzoo::io
