#include "io/series_cells.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "core/ascii.h"
#include "core/error.h"
#include "io/cell_number.h"

namespace arzoo::io {

double CategoryColumn::code(std::string_view cell) const {
  const auto text = trimmed(cell);
  const auto found = std::lower_bound(values.begin(), values.end(), text);
  if (found != values.end() && *found == text) return static_cast<double>(found - values.begin());
  return read_number(text).kind == CellKind::missing ? static_cast<double>(values.size()) : kUnknown;
}

std::vector<std::string> category_values(const CsvTable& table, std::size_t column, std::size_t most) {
  std::unordered_set<std::string_view> texts;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto text = trimmed(table.cell(row, column));
    if (read_number(text).kind != CellKind::missing) texts.insert(text);
    if (texts.size() > most)
      fail<DataError>(
          "{}:{}: column {} holds more than {} different texts, expected categories (group the rare ones, or "
          "leave the column out)",
          table.name(), table.line(row), shown(table.column_name(column)), most);
  }
  std::vector<std::string> values(texts.begin(), texts.end());
  std::sort(values.begin(), values.end());
  return values;
}

bool holds_texts(const CsvTable& table, std::size_t column) {
  const auto mark = find_decimals(table, {column}).mark;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (read_number(table.cell(row, column), mark).kind == CellKind::text) return true;
  }
  return false;
}

SeriesCells::SeriesCells(const CsvTable& table, const std::vector<std::size_t>& columns,
                         const std::vector<CategoryColumn>& categories, std::string columns_option)
    : table_(table), columns_option_(std::move(columns_option)) {
  std::vector<std::size_t> numbers;
  for (const auto column : columns) {
    const auto found = std::find_if(categories.begin(), categories.end(), [&](const auto& category) {
      return category.name == table.column_name(column);
    });
    if (found == categories.end())
      numbers.push_back(column);
    else
      categories_.emplace_back(column, &*found);
  }
  std::sort(categories_.begin(), categories_.end());
  decimals_ = find_decimals(table, numbers);
}

const CategoryColumn* SeriesCells::category(std::size_t column) const {
  if (categories_.empty()) return nullptr;
  const auto found =
      std::lower_bound(categories_.begin(), categories_.end(), column,
                       [](const auto& entry, std::size_t wanted) { return entry.first < wanted; });
  return found != categories_.end() && found->first == column ? found->second : nullptr;
}

/// Why a cell is no number, and what to do.
std::string SeriesCells::hint(std::string_view cell) const {
  const bool comma = decimals_.mark == DecimalMark::comma;
  if (comma && read_number(cell).kind == CellKind::number)
    return fmt::format(" with a decimal comma, as {} in line {} is (write all numbers in one way)",
                       shown(decimals_.example), table_.line(decimals_.row));
  const auto hint = number_hint(cell);
  if (!hint.empty() || columns_option_.empty()) return hint;
  return fmt::format(" (list the numeric columns with {})", columns_option_);
}

double SeriesCells::value(std::size_t row, std::size_t column) const {
  const auto cell = table_.cell(row, column);
  if (const auto* texts = category(column)) return texts->code(cell);
  const auto number = read_number(cell, decimals_.mark);
  if (number.kind == CellKind::missing || std::isfinite(number.value)) return number.value;
  const auto where =
      fmt::format("{}:{}: column {}", table_.name(), table_.line(row), shown(table_.column_name(column)));
  if (number.kind == CellKind::number)
    fail<DataError>("{}: {} is infinite, expected a finite number (leave the cell empty if unknown)", where,
                    shown(cell));
  fail<DataError>("{}: {} is not a number{}", where, shown(cell), hint(cell));
}

std::vector<std::string> SeriesCells::notes() const {
  std::vector<std::string> notes;
  if (decimals_.is_guess)
    notes.push_back(fmt::format("{}: numbers such as {} are read with a decimal comma", table_.name(),
                                shown(decimals_.example)));
  for (const auto& [column, texts] : categories_) {
    std::size_t unknown = 0, first = 0;
    for (std::size_t row = 0; row < table_.rows(); ++row) {
      if (texts->code(table_.cell(row, column)) != CategoryColumn::kUnknown) continue;
      if (unknown++ == 0) first = row;
    }
    if (unknown == 0) continue;
    notes.push_back(fmt::format(
        "{}: column {}: {} of {} cells hold an unknown category, the first {} in line {}: read as missing",
        table_.name(), shown(table_.column_name(column)), unknown, table_.rows(),
        shown(table_.cell(first, column)), table_.line(first)));
  }
  return notes;
}

}  // namespace arzoo::io
