#include "io/series_fill.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/error.h"

namespace arzoo::io {
namespace {

/// One variate's values, a stride apart in the table.
class Gaps {
 public:
  Gaps(SeriesTable& series, std::size_t variate)
      : values_(series.values.data() + variate), stride_(series.variates.size()), rows_(series.rows()) {}

  std::size_t rows() const { return rows_; }
  double& operator[](std::size_t row) const { return values_[row * stride_]; }
  bool missing(std::size_t row) const { return std::isnan((*this)[row]); }
  std::size_t next_known(std::size_t row) const {
    while (row < rows_ && missing(row)) ++row;
    return row;
  }

 private:
  double* values_;
  std::size_t stride_, rows_;
};

std::size_t fill_forward(const Gaps& column) {
  std::size_t filled = 0;
  for (std::size_t row = 1; row < column.rows(); ++row) {
    if (!column.missing(row)) continue;
    column[row] = column[row - 1];
    ++filled;
  }
  return filled;
}

struct Interpolated {
  std::size_t inside = 0, edges = 0;
};

/// Linear between the known rows `before` and `after`. Weighted rather than by slope: the difference of two
/// large values could overflow.
void interpolate_between(const Gaps& column, const std::vector<Timestamp>& stamps, std::size_t before,
                         std::size_t after) {
  const auto span = static_cast<double>(stamps[after].seconds - stamps[before].seconds);
  for (std::size_t row = before + 1; row < after; ++row) {
    const double weight = static_cast<double>(stamps[row].seconds - stamps[before].seconds) / span;
    column[row] = column[before] * (1.0 - weight) + column[after] * weight;
  }
}

Interpolated fill_between(const Gaps& column, const std::vector<Timestamp>& stamps) {
  Interpolated count;
  const std::size_t first = column.next_known(0);
  for (std::size_t row = 0; row < first; ++row) column[row] = column[first];
  count.edges = first;
  std::size_t before = first;
  while (before < column.rows()) {
    const std::size_t after = column.next_known(before + 1);
    if (after == column.rows()) break;
    interpolate_between(column, stamps, before, after);
    count.inside += after - before - 1;
    before = after;
  }
  for (std::size_t row = before + 1; row < column.rows(); ++row, ++count.edges) column[row] = column[before];
  return count;
}

void mark_filled(SeriesTable& series) {
  series.filled.clear();
  for (std::size_t cell = 0; cell < series.values.size(); ++cell) {
    if (!std::isnan(series.values[cell])) continue;
    series.filled.resize(series.values.size());
    series.filled[cell] = true;
  }
}

std::string cells(std::size_t count) {
  return count == 1 ? "1 missing cell" : fmt::format("{} missing cells", count);
}

}  // namespace

void insert_missing_rows(SeriesTable& series, const std::vector<std::int64_t>& missing) {
  const auto total = std::accumulate(missing.begin(), missing.end(), std::int64_t{0});
  if (total == 0) return;
  const std::size_t width = series.variates.size();
  const auto rows = series.rows() + static_cast<std::size_t>(total);
  std::vector<Timestamp> stamps;
  std::vector<double> values;
  stamps.reserve(rows);
  values.reserve(rows * width);
  for (std::size_t row = 0; row < series.rows(); ++row) {
    const auto from = series.values.begin() + static_cast<std::ptrdiff_t>(row * width);
    stamps.push_back(series.stamps[row]);
    values.insert(values.end(), from, from + static_cast<std::ptrdiff_t>(width));
    const std::int64_t gap = row < missing.size() ? missing[row] : 0;
    for (std::int64_t step = 1; step <= gap; ++step) {
      stamps.push_back(advance(series.stamps[row], series.frequency, step));
      values.insert(values.end(), width, std::numeric_limits<double>::quiet_NaN());
    }
  }
  series.stamps = std::move(stamps);
  series.values = std::move(values);
  series.notes.push_back(fmt::format("{}: {} inserted", series.unique_id,
                                     total == 1 ? "1 missing row" : fmt::format("{} missing rows", total)));
}

void fill_missing_cells(SeriesTable& series, MissingPolicy policy) {
  series.policy = policy;
  mark_filled(series);
  for (std::size_t variate = 0; variate < series.variates.size(); ++variate) {
    const Gaps column(series, variate);
    const auto name = shown(series.variates[variate]);
    if (policy == MissingPolicy::ffill) {
      if (column.missing(0))
        fail<DataError>(
            "{}:{}: column {} starts with a missing cell, which ffill cannot fill (use interpolate, or "
            "start the file later)",
            series.source, series.first_line, name);
      const std::size_t filled = fill_forward(column);
      if (filled > 0)
        series.notes.push_back(
            fmt::format("{}: {} in {} filled with the value before", series.unique_id, cells(filled), name));
      continue;
    }
    const auto count = fill_between(column, series.stamps);
    if (count.inside > 0)
      series.notes.push_back(
          fmt::format("{}: {} in {} interpolated", series.unique_id, cells(count.inside), name));
    if (count.edges > 0)
      series.notes.push_back(fmt::format("{}: {} at an end of {} filled with the nearest value",
                                         series.unique_id, cells(count.edges), name));
  }
}

void pad_front(SeriesTable& series, std::size_t rows) {
  if (series.rows() >= rows) return;
  const std::size_t width = series.variates.size(), before = rows - series.rows();
  series.notes.push_back(fmt::format("{}: {} rows, padded to {} with copies of the first one before it",
                                     series.unique_id, series.rows(), rows));
  std::vector<Timestamp> stamps(before);
  for (std::size_t i = 0; i < before; ++i)
    stamps[i] = advance(series.stamps.front(), series.frequency, -static_cast<std::int64_t>(before - i));
  std::vector<double> values(before * width);
  for (std::size_t cell = 0; cell < values.size(); ++cell) values[cell] = series.values[cell % width];
  if (series.filled.empty()) series.filled.assign(series.values.size(), false);
  series.filled.insert(series.filled.begin(), values.size(), true);
  series.stamps.insert(series.stamps.begin(), stamps.begin(), stamps.end());
  series.values.insert(series.values.begin(), values.begin(), values.end());
}

SeriesTable first_rows(const SeriesTable& series, std::size_t rows) {
  const std::size_t width = series.variates.size();
  SeriesTable first = series;
  first.stamps.resize(rows);
  first.values.resize(rows * width);
  first.filled.clear();
  if (series.filled.empty()) return first;
  // What lies before the first measured cell is what it would be in any case.
  std::vector<std::size_t> start(width);
  for (std::size_t variate = 0; variate < width; ++variate) {
    std::size_t row = 0;
    while (row < rows && !series.measured(row, variate)) ++row;
    if (row == rows)
      fail<DataError>(
          "{}: series {}: column {} holds no value up to {} (start later, or leave the column out)",
          series.source, shown(series.unique_id), shown(series.variates[variate]),
          rows == 0 ? "its start" : series.date_format.format(series.stamps[rows - 1]));
    for (start[variate] = row; row < rows; ++row) {
      if (!series.measured(row, variate))
        first.values[row * width + variate] = std::numeric_limits<double>::quiet_NaN();
    }
  }
  if (series.policy != MissingPolicy::error) fill_missing_cells(first, series.policy);
  for (std::size_t variate = 0; variate < width; ++variate) {
    if (start[variate] > 0) first.filled.resize(first.values.size());
    for (std::size_t row = 0; row < start[variate]; ++row) first.filled[row * width + variate] = true;
  }
  return first;
}

}  // namespace arzoo::io
