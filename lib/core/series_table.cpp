#include "core/series_table.h"

#include <cmath>
#include <unordered_map>
#include <utility>

#include "core/cell_number.h"
#include "core/error.h"
#include "core/series_columns.h"
#include "core/series_fill.h"
#include "core/time_axis.h"

namespace arzoo {
namespace {

/// The rows of one series, in file order.
struct RowGroup {
  std::string unique_id;
  std::vector<std::size_t> rows;
};

std::string file_stem(const std::string& name) {
  std::filesystem::path path = std::filesystem::path(name).filename();
  if (path.extension() == ".gz") path = path.stem();
  return path.stem().string();
}

std::vector<RowGroup> group_rows(const CsvTable& table, const SeriesColumns& columns) {
  std::vector<RowGroup> groups;
  std::unordered_map<std::string_view, std::size_t> known;
  if (!columns.id) groups.push_back({file_stem(table.name()), {}});
  for (std::size_t row = 0; row < table.rows(); ++row) {
    std::size_t group = 0;
    if (columns.id) {
      const auto id = table.cell(row, *columns.id);
      if (id.empty())
        fail<DataError>("{}:{}: column {}: empty cell, expected the series' name", table.name(),
                        table.line(row), shown(table.column_name(*columns.id)));
      const auto [at, is_new] = known.try_emplace(id, groups.size());
      group = at->second;
      if (is_new) groups.push_back({std::string(id), {}});
    }
    groups[group].rows.push_back(row);
  }
  return groups;
}

/// The finite number of a cell, NaN if it is missing.
double value_of(const CsvTable& table, std::size_t row, std::size_t column) {
  const auto cell = table.cell(row, column);
  const auto number = read_number(cell);
  if (number.kind == CellKind::missing || std::isfinite(number.value)) return number.value;
  const auto where =
      fmt::format("{}:{}: column {}", table.name(), table.line(row), shown(table.column_name(column)));
  if (number.kind == CellKind::number)
    fail<DataError>("{}: {} is infinite, expected a finite number (leave the cell empty if unknown)", where,
                    shown(cell));
  const auto hint = number_hint(cell);
  fail<DataError>("{}: {} is not a number{}", where, shown(cell),
                  hint.empty() ? " (list the numeric columns in \"columns\")" : hint);
}

/// Missing cells per variate, and the first of all.
struct MissingCells {
  std::vector<std::size_t> per_variate;
  std::size_t total = 0, first_row = 0, first_variate = 0;
};

MissingCells count_missing(const SeriesTable& series) {
  MissingCells missing{std::vector<std::size_t>(series.variates.size()), 0, 0, 0};
  for (std::size_t row = 0; row < series.rows(); ++row) {
    for (std::size_t variate = 0; variate < series.variates.size(); ++variate) {
      if (!std::isnan(series.at(row, variate))) continue;
      if (missing.total++ == 0) {
        missing.first_row = row;
        missing.first_variate = variate;
      }
      ++missing.per_variate[variate];
    }
  }
  return missing;
}

/// What can be done about missing cells is done by the policy; a column without any value is beyond repair.
void require_fillable(const SeriesTable& series, const MissingCells& missing, const TimeAxis& axis,
                      MissingPolicy policy) {
  if (missing.total == 0) return;
  const std::string which = axis.unique_id.empty() ? "" : fmt::format("series {}: ", axis.unique_id);
  for (std::size_t variate = 0; variate < series.variates.size(); ++variate) {
    if (missing.per_variate[variate] == series.rows())
      fail<DataError>("{}:{}: {}column {} holds no value at all (list the columns to read in \"columns\")",
                      series.source, series.first_line, which, shown(series.variates[variate]));
  }
  if (policy == MissingPolicy::error)
    fail<DataError>(
        "{}:{}: {}column {}: missing value, the first of {} (fill with the policy ffill or interpolate)",
        series.source, axis.lines[missing.first_row], which, shown(series.variates[missing.first_variate]),
        missing.total);
}

TimeAxis axis_of(const CsvTable& table, const DateColumn& dates, const RowGroup& group, bool is_long) {
  TimeAxis axis{table.name(), is_long ? shown(group.unique_id) : "", {}, {}, dates.format};
  axis.stamps.reserve(group.rows.size());
  axis.lines.reserve(group.rows.size());
  for (const std::size_t row : group.rows) {
    axis.stamps.push_back(dates.stamps[row]);
    axis.lines.push_back(table.line(row));
  }
  return axis;
}

SeriesTable read_group(const CsvTable& table, const SeriesColumns& columns, const DateColumn& dates,
                       const RowGroup& group, const SeriesReadOptions& options) {
  SeriesTable series;
  series.unique_id = group.unique_id;
  series.source = table.name();
  series.first_line = table.line(group.rows.front());
  series.date_format = dates.format;
  for (const std::size_t column : columns.variates) series.variates.emplace_back(table.column_name(column));
  series.values.reserve(group.rows.size() * columns.variates.size());
  for (const std::size_t row : group.rows) {
    for (const std::size_t column : columns.variates) series.values.push_back(value_of(table, row, column));
  }
  const TimeAxis axis = axis_of(table, dates, group, columns.id.has_value());
  series.stamps = axis.stamps;
  require_increasing(axis);
  series.frequency = frequency_of(axis, options.frequency ? &*options.frequency : nullptr);
  const auto missing_cells = count_missing(series);
  require_fillable(series, missing_cells, axis, options.missing);
  const bool may_fill = options.missing != MissingPolicy::error;
  insert_missing_rows(series, missing_rows(axis, series.frequency, may_fill));
  if (may_fill) fill_missing_cells(series, options.missing);
  return series;
}

}  // namespace

SeriesFile read_series(const CsvTable& table, const SeriesReadOptions& options) {
  const SeriesColumns columns = choose_columns(table, options);
  const DateColumn dates = read_date_column(table, columns.date, options.day_order);
  SeriesFile file;
  file.source = table.name();
  file.format = columns.id ? SeriesFormat::long_ : SeriesFormat::wide;
  file.date_column = table.column_name(columns.date);
  if (columns.id) file.id_column = table.column_name(*columns.id);
  if (!dates.note.empty()) file.notes.push_back(dates.note);
  for (const auto& group : group_rows(table, columns))
    file.tables.push_back(read_group(table, columns, dates, group, options));
  return file;
}

SeriesFile read_series(const std::filesystem::path& path, const SeriesReadOptions& options) {
  return read_series(CsvTable::read(path, {options.delimiter}), options);
}

}  // namespace arzoo
