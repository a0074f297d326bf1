#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "core/closest.h"
#include "core/display_text.h"
#include "forecast/data/covariates.h"
#include "io/series_columns.h"

namespace arzoo::forecast {
namespace {

/// A file of what is known ahead, its columns found.
class FutureFile {
 public:
  FutureFile(const io::CsvTable& table, const FutureOptions& options)
      : table_(table),
        columns_(columns_of(table, options)),
        dates_(io::read_date_column(table, columns_.date)),
        cells_(table, columns_.variates, options.categories ? *options.categories : kNoTexts, ""),
        gaps_(options.gaps) {
    require_known_columns(options);
  }

  /// Notes of guesses.
  std::vector<std::string> notes() const {
    auto notes = cells_.notes();
    if (!dates_.note.empty()) notes.push_back(dates_.note);
    return notes;
  }
  /// The rows of each of the tables' series, in file order.
  std::vector<std::vector<std::size_t>> rows_of(std::span<const io::SeriesTable> tables) const;
  /// One series' values at the `horizon` steps after `series`. rows: those of the file that are its.
  KnownAhead read(const io::SeriesTable& series, const std::vector<std::size_t>& rows,
                  std::int64_t horizon) const;

 private:
  inline static const std::vector<io::CategoryColumn> kNoTexts = {};

  static io::SeriesColumns columns_of(const io::CsvTable& table, const FutureOptions& options);
  void require_known_columns(const FutureOptions& options) const;
  [[noreturn]] void fail_at(std::size_t row, const io::SeriesTable& series, const std::string& what) const;
  std::vector<std::size_t> rows_of_steps(const io::SeriesTable& series, const std::vector<std::size_t>& rows,
                                         const std::vector<io::Timestamp>& steps) const;
  std::size_t step_of(std::size_t row, const io::SeriesTable& series,
                      const std::vector<io::Timestamp>& steps) const;

  const io::CsvTable& table_;
  io::SeriesColumns columns_;
  io::DateColumn dates_;
  io::SeriesCells cells_;
  bool gaps_;
};

io::SeriesColumns FutureFile::columns_of(const io::CsvTable& table, const FutureOptions& options) {
  io::SeriesReadOptions read;
  if (!options.id.empty()) read.id_column = options.id;
  read.format = table.find(read.id_column) ? io::SeriesFormat::long_ : io::SeriesFormat::wide;
  if (!options.date.empty() && table.find(options.date)) read.date_column = options.date;
  read.columns = options.columns;
  read.option_prefix = "--";
  return io::choose_columns(table, read);
}

/// A column that nothing reads is a mistake: a name with a typing error, or the truth itself.
void FutureFile::require_known_columns(const FutureOptions& options) const {
  for (std::size_t c = 0; c < table_.columns(); ++c) {
    const std::string name(table_.column_name(c));
    if (c == columns_.date || c == columns_.id ||
        std::find(options.columns.begin(), options.columns.end(), name) != options.columns.end())
      continue;
    const auto near = closest(name, options.columns);
    fail<DataError>("{}:{}: column {} is no covariate known ahead{}, these are {} (leave the column out)",
                    table_.name(), table_.header_line(), io::shown(name),
                    near ? fmt::format(" (did you mean {}?)", io::shown(*near)) : "",
                    first_few(options.columns, io::shown));
  }
}

std::vector<std::vector<std::size_t>> FutureFile::rows_of(std::span<const io::SeriesTable> tables) const {
  std::vector<std::vector<std::size_t>> rows(tables.size());
  if (!columns_.id) {
    if (tables.size() != 1)
      fail<DataError>(
          "{}:{}: no column names the series, expected one: there are {} series to forecast (unique_id, or "
          "what --id says)",
          table_.name(), table_.header_line(), tables.size());
    for (std::size_t row = 0; row < table_.rows(); ++row) rows[0].push_back(row);
    return rows;
  }
  // Several inputs may have a series of one name: each of them gets the rows.
  std::unordered_map<std::string_view, std::vector<std::size_t>> series;
  for (std::size_t i = 0; i < tables.size(); ++i) series[tables[i].unique_id].push_back(i);
  for (std::size_t row = 0; row < table_.rows(); ++row) {
    const auto id = table_.cell(row, *columns_.id);
    const auto found = series.find(id);
    if (found == series.end())
      fail<DataError>("{}:{}: series {} is in no --input, expected only series that are forecast",
                      table_.name(), table_.line(row), io::shown(id));
    for (const auto i : found->second) rows[i].push_back(row);
  }
  return rows;
}

void FutureFile::fail_at(std::size_t row, const io::SeriesTable& series, const std::string& what) const {
  fail<DataError>("{}:{}: series {}: {}", table_.name(), table_.line(row), io::shown(series.unique_id), what);
}

/// Which of the steps a row is; steps.size() if none.
std::size_t FutureFile::step_of(std::size_t row, const io::SeriesTable& series,
                                const std::vector<io::Timestamp>& steps) const {
  const auto place = [&](io::Timestamp stamp) {
    const auto found = std::lower_bound(steps.begin(), steps.end(), stamp);
    return found != steps.end() && *found == stamp ? static_cast<std::size_t>(found - steps.begin())
                                                   : steps.size();
  };
  const auto stamp = dates_.stamps[row];
  if (dates_.offsets.empty()) return place(stamp);
  // The history's clock is that of its last row's zone. Days and months keep their date in every zone.
  const auto last = series.date_format.read(series.date_format.format(series.stamps.back()));
  const auto on_that_clock = place({stamp.seconds + (last ? last->offset - dates_.offsets[row] : 0)});
  return on_that_clock < steps.size() ? on_that_clock : place(stamp);
}

KnownAhead FutureFile::read(const io::SeriesTable& series, const std::vector<std::size_t>& rows,
                            std::int64_t horizon) const {
  KnownAhead known;
  for (std::int64_t step = 1; step <= horizon; ++step)
    known.stamps.push_back(advance(series.stamps.back(), series.frequency, step));
  const auto row_of = rows_of_steps(series, rows, known.stamps);
  // Only now: a short file must not make us reserve a long horizon's values.
  for (std::size_t step = 0; step < row_of.size(); ++step) {
    for (const auto column : columns_.variates) {
      known.values.push_back(cells_.value(row_of[step], column));
      if (gaps_ || !std::isnan(known.values.back())) continue;
      fail_at(
          row_of[step], series,
          fmt::format("{}: column {} is empty, expected a number for each step ahead",
                      series.date_format.format(known.stamps[step]), io::shown(table_.column_name(column))));
    }
  }
  return known;
}

/// The row of each step.
std::vector<std::size_t> FutureFile::rows_of_steps(const io::SeriesTable& series,
                                                   const std::vector<std::size_t>& rows,
                                                   const std::vector<io::Timestamp>& steps) const {
  const auto written = [&](std::size_t step) { return series.date_format.format(steps[step]); };
  const std::size_t none = table_.rows();
  std::vector<std::size_t> row_of(steps.size(), none);
  std::optional<std::size_t> surplus;
  for (const auto row : rows) {
    const auto step = step_of(row, series, steps);
    if (step == steps.size()) {
      surplus = surplus.value_or(row);
    } else if (row_of[step] != none) {
      fail_at(row, series, fmt::format("{} stands twice", written(step)));
    } else {
      row_of[step] = row;
    }
  }
  const auto range = fmt::format("{} steps, {} to {}", steps.size(), written(0), written(steps.size() - 1));
  const auto missing =
      static_cast<std::size_t>(std::find(row_of.begin(), row_of.end(), none) - row_of.begin());
  if (missing < steps.size())
    fail<DataError>("{}: series {}: no row for {}, expected one for each of the {}", table_.name(),
                    io::shown(series.unique_id), written(missing), range);
  if (surplus)
    fail_at(*surplus, series,
            fmt::format("{} is none of the {} (leave such rows out, or give --horizon)",
                        dates_.format.format(dates_.stamps[*surplus]), range));
  return row_of;
}

}  // namespace

std::vector<KnownAhead> read_future(const io::CsvTable& table, const FutureOptions& options,
                                    std::span<const io::SeriesTable> tables, std::int64_t horizon,
                                    std::vector<std::string>& notes) {
  const FutureFile file(table, options);
  const auto on_file = file.notes();
  notes.insert(notes.end(), on_file.begin(), on_file.end());
  const auto rows = file.rows_of(tables);
  std::vector<KnownAhead> known;
  for (std::size_t i = 0; i < tables.size(); ++i) known.push_back(file.read(tables[i], rows[i], horizon));
  return known;
}

std::vector<KnownAhead> read_future(const std::filesystem::path& path, const FutureOptions& options,
                                    std::span<const io::SeriesTable> tables, std::int64_t horizon,
                                    std::vector<std::string>& notes) {
  return read_future(io::CsvTable::read(path), options, tables, horizon, notes);
}

}  // namespace arzoo::forecast
