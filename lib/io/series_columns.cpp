#include "io/series_columns.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <unordered_set>

#include "core/ascii.h"
#include "core/closest.h"
#include "core/error.h"
#include "io/cell_number.h"

namespace arzoo::io {
namespace {

constexpr std::array<std::string_view, 5> kDateNames = {"date", "ds", "timestamp", "time", "datetime"};

std::string header_place(const CsvTable& table) {
  return fmt::format("{}:{}", table.name(), table.header_line());
}

/// The first columns' names, as a message can hold them.
std::string listed_columns(const CsvTable& table) {
  constexpr std::size_t kMost = 10;
  std::string names;
  for (std::size_t i = 0; i < std::min(table.columns(), kMost); ++i)
    names += fmt::format("{}{}", i == 0 ? "" : ", ", shown(table.column_name(i)));
  if (table.columns() > kMost) names += fmt::format(" and {} more", table.columns() - kMost);
  return names;
}

std::size_t require_column(const CsvTable& table, std::string_view name) {
  if (const auto column = table.find(name)) return *column;
  if (const auto near = closest(name, table.column_names()))
    fail<DataError>("{}: no column {} (did you mean {}?)", header_place(table), shown(name), shown(*near));
  fail<DataError>("{}: no column {}, the columns are {}", header_place(table), shown(name),
                  listed_columns(table));
}

std::size_t find_date_column(const CsvTable& table, const SeriesReadOptions& options) {
  if (!options.date_column.empty()) return require_column(table, options.date_column);
  std::array<std::optional<std::size_t>, kDateNames.size()> named;
  for (std::size_t i = 0; i < table.columns(); ++i) {
    const std::string_view name = table.column_name(i);
    if (name.size() > kDateNames.back().size() + 1) continue;
    const auto known = std::find(kDateNames.begin(), kDateNames.end(), to_lower(name)) - kDateNames.begin();
    auto* slot = known < std::ssize(kDateNames) ? &named[static_cast<std::size_t>(known)] : nullptr;
    if (slot != nullptr && !slot->has_value()) *slot = i;
  }
  for (const auto& column : named) {
    if (column) return *column;
  }
  if (holds_dates(table, 0, options.fractions())) return 0;
  fail<DataError>(
      "{}: no date column, expected one named date, ds, timestamp, time or datetime, or a first column of "
      "dates; the columns are {} (name it with {}date)",
      header_place(table), listed_columns(table), options.option_prefix);
}

bool is_long(const CsvTable& table, const SeriesReadOptions& options) {
  if (options.format != SeriesFormat::automatic) return options.format == SeriesFormat::long_;
  return table.find(options.id_column).has_value();
}

/// A file without a header loses its first row to it: all names are then data.
void require_header(const CsvTable& table) {
  constexpr std::size_t kEnough = 64;
  for (std::size_t i = 0; i < std::min(table.columns(), kEnough); ++i) {
    const auto name = table.column_name(i);
    if (read_number(name).kind != CellKind::number && DateFormat::matching(name).empty()) return;
  }
  fail<DataError>("{}: the first line holds data ({}), expected the columns' names", header_place(table),
                  listed_columns(table));
}

std::vector<std::size_t> chosen_variates(const CsvTable& table, const SeriesColumns& columns,
                                         const std::vector<std::string>& names) {
  std::vector<std::size_t> variates;
  std::unordered_set<std::size_t> taken;
  for (const auto& name : names) {
    const std::size_t column = require_column(table, name);
    if (column == columns.date || column == columns.id)
      fail<DataError>("{}: column {} holds the {}, expected a variate among the chosen columns",
                      header_place(table), shown(name), column == columns.date ? "dates" : "series' names");
    if (!taken.insert(column).second)
      fail<DataError>("{}: column {} is chosen twice", header_place(table), shown(name));
    variates.push_back(column);
  }
  return variates;
}

std::vector<std::size_t> all_variates(const CsvTable& table, const SeriesColumns& columns,
                                      std::optional<std::size_t> target, const std::string& prefix) {
  std::vector<std::size_t> variates;
  if (target) variates.push_back(*target);
  for (std::size_t i = 0; i < table.columns(); ++i) {
    if (i == columns.date || i == columns.id || i == target) continue;
    if (table.column_name(i).empty())
      fail<DataError>(
          "{}: column {} has no name (name it, or list the columns to read with {}columns; pandas writes no "
          "row "
          "numbers with index=False)",
          header_place(table), i + 1, prefix);
    variates.push_back(i);
  }
  if (variates.empty())
    fail<DataError>("{}: no column besides {}, expected at least one variate (is the delimiter {}?)",
                    header_place(table), shown(table.column_name(columns.date)),
                    shown(std::string(1, table.delimiter())));
  return variates;
}

}  // namespace

SeriesColumns choose_columns(const CsvTable& table, const SeriesReadOptions& options) {
  require_header(table);
  if (table.rows() == 0)
    fail<DataError>("{}: has a header but no rows, expected one row per time step below it",
                    header_place(table));
  SeriesColumns columns;
  std::optional<std::size_t> target;
  if (is_long(table, options)) {
    columns.id = require_column(table, options.id_column);
    if (options.columns.empty()) target = require_column(table, options.target_column);
  }
  columns.date = find_date_column(table, options);
  if (columns.id == columns.date || target == columns.date)
    fail<DataError>("{}: column {} cannot hold the dates and something else", header_place(table),
                    shown(table.column_name(columns.date)));
  columns.variates = options.columns.empty() ? all_variates(table, columns, target, options.option_prefix)
                                             : chosen_variates(table, columns, options.columns);
  return columns;
}

}  // namespace arzoo::io
