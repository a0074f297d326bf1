#include "io/date_column.h"

#include <algorithm>
#include <utility>

#include "core/ascii.h"
#include "core/error.h"

namespace arzoo::io {
namespace {

bool is_day_first(const DateFormat& format) { return format.pattern().front() == 'd'; }
bool is_month_first(const DateFormat& format) { return format.pattern().front() == 'm'; }

/// The column in one format, up to the first cell that does not fit.
struct Attempt {
  DateFormat format;
  std::vector<Timestamp> stamps;
  std::vector<std::int32_t> offsets;

  bool complete(const CsvTable& table) const { return stamps.size() == table.rows(); }
};

Attempt attempt(const CsvTable& table, std::size_t column, DateFormat format, Fractions fractions) {
  Attempt result{std::move(format), {}, {}};
  result.stamps.reserve(table.rows());
  const bool has_zone = result.format.has_zone();
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto reading = result.format.read(trimmed(table.cell(row, column)));
    if (!reading || (!reading->whole_seconds && fractions == Fractions::refused)) break;
    result.format.adopt(*reading);
    result.stamps.push_back(reading->stamp);
    if (has_zone) result.offsets.push_back(reading->offset);
  }
  return result;
}

std::vector<DateFormat> candidates(const CsvTable& table, std::size_t column, DayOrder order) {
  if (table.rows() == 0) return {};
  auto formats = DateFormat::matching(trimmed(table.cell(0, column)));
  const auto excluded = [order](const DateFormat& format) {
    return order == DayOrder::day_first
               ? is_month_first(format)
               : order == DayOrder::month_first && format.pattern().find('/') != std::string::npos &&
                     is_day_first(format);
  };
  formats.erase(std::remove_if(formats.begin(), formats.end(), excluded), formats.end());
  return formats;
}

[[noreturn]] void fail_at_cell(const CsvTable& table, std::size_t column, std::size_t row,
                               const DateFormat* format) {
  const auto cell = trimmed(table.cell(row, column));
  const auto where =
      fmt::format("{}:{}: column {}", table.name(), table.line(row), shown(table.column_name(column)));
  if (cell.empty()) fail<DataError>("{}: empty cell, expected a date", where);
  if (format == nullptr)
    fail<DataError>("{}: {} is not a date, expected {}", where, shown(cell), DateFormat::known());
  if (format->read(cell))
    fail<DataError>("{}: {} holds a fraction of a second, expected whole seconds", where, shown(cell));
  fail<DataError>("{}: {} is not a date written {}, as {} in line {} is", where, shown(cell),
                  format->layout(), shown(trimmed(table.cell(0, column))), table.line(0));
}

}  // namespace

DateColumn read_date_column(const CsvTable& table, std::size_t column, DayOrder order, Fractions fractions) {
  const auto formats = candidates(table, column, order);
  if (formats.empty()) fail_at_cell(table, column, 0, nullptr);
  std::vector<Attempt> complete;
  Attempt longest = attempt(table, column, formats.front(), fractions);
  if (longest.complete(table)) complete.push_back(longest);
  for (std::size_t i = 1; i < formats.size(); ++i) {
    Attempt next = attempt(table, column, formats[i], fractions);
    if (next.complete(table)) complete.push_back(next);
    if (next.stamps.size() > longest.stamps.size()) longest = std::move(next);
  }
  if (complete.empty()) fail_at_cell(table, column, longest.stamps.size(), &longest.format);
  DateColumn result{
      complete.front().format, std::move(complete.front().stamps), std::move(complete.front().offsets), {}};
  // Bare hours (2016070105) are valid epoch seconds as well, but those are not meant.
  if (complete.size() > 1 && is_month_first(result.format) && is_day_first(complete[1].format))
    result.note = fmt::format("{}: dates such as {} are read {} (the file allows {} as well)", table.name(),
                              shown(trimmed(table.cell(0, column))), result.format.layout(),
                              complete[1].format.layout());
  return result;
}

bool holds_dates(const CsvTable& table, std::size_t column, Fractions fractions) {
  for (const auto& format : candidates(table, column, DayOrder::automatic)) {
    if (attempt(table, column, format, fractions).complete(table)) return true;
  }
  return false;
}

}  // namespace arzoo::io
