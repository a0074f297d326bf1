#include "io/series_table.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <utility>

#include "core/ascii.h"
#include "core/error.h"
#include "io/series_cells.h"
#include "io/series_columns.h"
#include "io/series_fill.h"
#include "io/time_axis.h"

namespace arzoo::io {
namespace {

const Categories kNoCategories = std::make_shared<const std::vector<CategoryColumn>>();

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

/// What is known of a file.
struct FileFacts {
  const SeriesReadOptions& options;
  SeriesColumns columns;
  DateColumn dates;
  SeriesCells cells;
  std::vector<bool> keeps_last = {};  ///< of each variate: resampling takes its last value
};

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
      fail<DataError>("{}:{}: {}column {} holds no value at all ({}list the columns to read with {}columns)",
                      series.source, series.first_line, which, shown(series.variates[variate]),
                      which.empty() ? "" : "leave the series out, or ", axis.option_prefix);
  }
  if (policy == MissingPolicy::error)
    fail<DataError>(
        "{}:{}: {}column {}: missing value, the first of {} (fill with {}missing ffill or interpolate)",
        series.source, axis.lines[missing.first_row], which, shown(series.variates[missing.first_variate]),
        missing.total, axis.option_prefix);
}

TimeAxis axis_of(const CsvTable& table, const RowGroup& group, const FileFacts& file) {
  const auto& dates = file.dates;
  TimeAxis axis{table.name(), file.columns.id ? shown(group.unique_id) : "",
                {},           {},
                dates.format, file.options.option_prefix};
  axis.stamps.reserve(group.rows.size());
  axis.lines.reserve(group.rows.size());
  std::vector<std::int32_t> offsets;
  for (const std::size_t row : group.rows) {
    axis.stamps.push_back(dates.stamps[row]);
    axis.lines.push_back(table.line(row));
    if (!dates.offsets.empty()) offsets.push_back(dates.offsets[row]);
  }
  axis.zone_changes = settle_zone(axis.stamps, offsets);
  // Series of one file may lie in different zones.
  const auto last = axis.format.read(trimmed(table.cell(group.rows.back(), file.columns.date)));
  if (!offsets.empty() && last) axis.format.adopt(*last);
  return axis;
}

/// Whether a variate is no number to compute with: a category or a static covariate.
std::vector<bool> keeping_last(const CsvTable& table, const SeriesReadOptions& options,
                               const std::vector<std::size_t>& variates,
                               const std::vector<CategoryColumn>& categories) {
  std::vector<bool> keeps_last(variates.size());
  for (std::size_t i = 0; i < variates.size(); ++i) {
    const auto name = table.column_name(variates[i]);
    keeps_last[i] =
        std::find(options.statics.begin(), options.statics.end(), name) != options.statics.end() ||
        std::any_of(categories.begin(), categories.end(),
                    [name](const auto& category) { return category.name == name; });
  }
  return keeps_last;
}

/// Empty periods that a file's resampling may give: as many as there are rows, or so many that their cells
/// take a few megabytes.
std::size_t most_empty_periods(const CsvTable& table, const SeriesColumns& columns) {
  constexpr std::size_t kFewMegabytes = 500'000;
  return table.rows() + kFewMegabytes / (columns.variates.size() + 2);
}

SeriesTable read_group(const CsvTable& table, const RowGroup& group, TimeAxis axis, const FileFacts& file,
                       ResampleCount& resampled) {
  const auto& options = file.options;
  SeriesTable series;
  series.unique_id = group.unique_id;
  series.source = table.name();
  series.first_line = table.line(group.rows.front());
  series.date_format = axis.format;
  series.categories = options.categories;
  const auto& variates = file.columns.variates;
  for (const std::size_t column : variates) series.variates.emplace_back(table.column_name(column));
  series.values.reserve(group.rows.size() * variates.size());
  for (const std::size_t row : group.rows) {
    for (const std::size_t column : variates) series.values.push_back(file.cells.value(row, column));
  }
  if (options.resample)
    resample(axis, series.values, file.keeps_last, *options.resample, most_empty_periods(table, file.columns),
             resampled);
  series.stamps = axis.stamps;
  require_increasing(axis);
  series.frequency = frequency_of(axis, options.resample    ? &options.resample->frequency
                                        : options.frequency ? &*options.frequency
                                                            : nullptr);
  const auto missing_cells = count_missing(series);
  require_fillable(series, missing_cells, axis, options.missing);
  const bool may_fill = options.missing != MissingPolicy::error;
  insert_missing_rows(series, missing_rows(axis, series.frequency, may_fill));
  if (may_fill) fill_missing_cells(series, options.missing);
  return series;
}

/// What was guessed or cannot be repeated exactly, one line each.
std::vector<std::string> notes_on(const CsvTable& table, const FileFacts& file, bool zone_changes,
                                  const ResampleCount& resampled) {
  std::vector<std::string> notes;
  if (const auto& resampling = file.options.resample) {
    const bool zero = resampling->aggregate == Aggregate::sum || resampling->aggregate == Aggregate::count;
    notes.push_back(fmt::format("{}: {} rows resampled to {} steps ({}){}", table.name(), resampled.rows,
                                resampled.periods, to_string(*resampling),
                                resampled.empty == 0 ? ""
                                                     : fmt::format(", {} of them without a row: {}",
                                                                   resampled.empty, zero ? "0" : "missing")));
  }
  if (!file.dates.note.empty()) notes.push_back(file.dates.note);
  const auto on_cells = file.cells.notes();
  notes.insert(notes.end(), on_cells.begin(), on_cells.end());
  if (zone_changes)
    notes.push_back(fmt::format(
        "{}: the time zone of the stamps changes; further ones are written in that of a series' last row",
        table.name()));
  return notes;
}

/// Where the user names numeric columns; empty where nothing does.
std::string columns_option(const SeriesReadOptions& options) {
  return options.columns_option.empty() ? "" : options.option_prefix + options.columns_option;
}

}  // namespace

SeriesFile read_series(const CsvTable& table, const SeriesReadOptions& options) {
  const auto categories = options.categories ? options.categories : kNoCategories;
  const auto columns = choose_columns(table, options);
  const FileFacts facts{options, columns,
                        read_date_column(table, columns.date, options.day_order, options.fractions()),
                        SeriesCells(table, columns.variates, *categories, columns_option(options)),
                        keeping_last(table, options, columns.variates, *categories)};
  SeriesFile file;
  file.source = table.name();
  file.format = columns.id ? SeriesFormat::long_ : SeriesFormat::wide;
  file.date_column = table.column_name(columns.date);
  if (columns.id) file.id_column = table.column_name(*columns.id);
  bool zone_changes = false;
  ResampleCount resampled;
  for (const auto& group : group_rows(table, columns)) {
    if (options.skip_single_rows && group.rows.size() == 1 && !options.frequency && !options.resample) {
      file.skipped.push_back(group.unique_id);
      continue;
    }
    auto axis = axis_of(table, group, facts);
    zone_changes |= axis.zone_changes;
    file.tables.push_back(read_group(table, group, std::move(axis), facts, resampled));
  }
  file.notes = notes_on(table, facts, zone_changes, resampled);
  return file;
}

SeriesFile read_series(const std::filesystem::path& path, const SeriesReadOptions& options) {
  return read_series(CsvTable::read(path, {options.delimiter}), options);
}

}  // namespace arzoo::io
