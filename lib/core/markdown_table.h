#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/json_fwd.h"

namespace arzoo {

/// One cell; std::monostate is an empty one.
using Cell = std::variant<std::monostate, std::string, std::int64_t, double>;

struct Column {
  std::string name;
  int decimals = -1;  ///< of its floating-point cells when shown to people; -1: four significant digits

  Column(std::string column_name,
         int shown_decimals = -1)  // NOLINT: {"model", {"mse", 3}} is how tables are written
      : name(std::move(column_name)), decimals(shown_decimals) {}
  Column(const char* column_name) : name(column_name) {}  // NOLINT
};

/// Rows of named columns: the same data printed for people and written for machines.
///
///     Table table({"model", "horizon", {"mse", 3}});
///     table.add({"itransformer", 96, 0.3864});
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// Throws std::logic_error when `row` does not have one cell per column.
  void add(std::vector<Cell> row);

  const std::vector<Column>& columns() const { return columns_; }
  const std::vector<std::vector<Cell>>& rows() const { return rows_; }
  /// The cell as people read it, rounded to its column's decimals.
  std::string shown(std::size_t row, std::size_t column) const;
  /// Whether all cells that are not empty are numbers, and there is one.
  bool is_numeric(std::size_t column) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

/// GitHub's Markdown, columns aligned in the source too, numbers to the right. `|` and line breaks in a cell
/// are escaped.
std::string to_markdown(const Table& table);

/// RFC 4180 with a header line and "\n" line ends; numbers with all their digits, an empty cell is an empty
/// field.
std::string to_csv(const Table& table);

/// An array of one object per row, keys in the order of the columns; numbers with all their digits, empty and
/// not-finite cells are null.
Json to_json(const Table& table);

/// The reverse of to_json, but for the columns' decimals; what is neither text nor a number becomes empty. No
/// rows: no columns either.
Table table_from_json(const Json& rows);

}  // namespace arzoo
