#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/csv.h"
#include "io/decimal_mark.h"

namespace arzoo::io {

/// A column of texts that is read as numbers: the place of a cell's text among `values`; values.size() for a
/// missing cell; kUnknown for a text that is none of them.
struct CategoryColumn {
  static constexpr double kUnknown = -1.0;
  std::string name;
  std::vector<std::string> values;  ///< sorted, each once

  double code(std::string_view cell) const;
};

/// The different texts of a column, sorted, without missing cells. Throws DataError for more than `most`.
std::vector<std::string> category_values(const CsvTable& table, std::size_t column, std::size_t most);

/// Whether some cell of the column is neither missing nor a number.
bool holds_texts(const CsvTable& table, std::size_t column);

/// The cells of some columns of a file as numbers.
class SeriesCells {
 public:
  /// columns: those to be read; categories: those of them that hold texts. `columns_option`:
  /// where the user names numeric columns, for messages; may be empty. `table` and `categories` must outlive
  /// this.
  SeriesCells(const CsvTable& table, const std::vector<std::size_t>& columns,
              const std::vector<CategoryColumn>& categories, std::string columns_option);

  /// The finite number of a cell, NaN if it is missing; a category's code. Throws DataError naming line and
  /// column for anything else.
  double value(std::size_t row, std::size_t column) const;
  /// What was guessed and which categories are unknown, one line each.
  std::vector<std::string> notes() const;

 private:
  const CategoryColumn* category(std::size_t column) const;
  std::string hint(std::string_view cell) const;

  const CsvTable& table_;
  std::vector<std::pair<std::size_t, const CategoryColumn*>> categories_;  ///< by column
  Decimals decimals_;
  std::string columns_option_;
};

}  // namespace arzoo::io
