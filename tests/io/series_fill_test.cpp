#include "io/series_fill.h"

#include <cmath>

#include "core/error.h"
#include "support/series.h"

using namespace arzoo;

namespace {

constexpr double kGap = NAN;

/// An hourly table of one variate, its gaps filled.
io::SeriesTable filled_table(const std::vector<double>& values, io::MissingPolicy policy) {
  auto table = test::hourly_table(static_cast<int64_t>(values.size()), {"a"});
  table.values = values;
  io::fill_missing_cells(table, policy);
  return table;
}

}  // namespace

TEST_CASE("a filled cell is marked, in whatever way it was filled, and a full table has no marks") {
  const auto policy = GENERATE(io::MissingPolicy::ffill, io::MissingPolicy::interpolate);
  const auto table = filled_table({1, kGap, 3, kGap}, policy);
  CHECK(table.filled == std::vector<bool>{false, true, false, true});
  CHECK(table.policy == policy);
  CHECK(filled_table({1, 2}, policy).filled.empty());
}

TEST_CASE("the first rows of a table are as if the file had ended there") {
  const auto policy = GENERATE(io::MissingPolicy::ffill, io::MissingPolicy::interpolate);
  const std::vector<double> values{1, kGap, kGap, 4, 5, kGap, kGap, kGap, 900, 10};
  const auto whole = filled_table(values, policy);
  for (std::size_t rows = 1; rows <= values.size(); ++rows) {
    const auto first = io::first_rows(whole, rows),
               alone = filled_table({values.begin(), values.begin() + static_cast<long>(rows)}, policy);
    INFO(rows << " rows");
    CHECK(first.values == alone.values);
    CHECK(first.filled == alone.filled);
    CHECK(first.stamps == alone.stamps);
  }
}

TEST_CASE("rows before the first value of a column are refused, not read past their end") {
  const auto table = filled_table({kGap, kGap, kGap, 4}, io::MissingPolicy::interpolate);
  CHECK_THROWS_WITH(io::first_rows(table, 3), ContainsSubstring("column \"a\" holds no value up to"));
  CHECK_NOTHROW(io::first_rows(table, 4));
}

TEST_CASE(
    "a table is padded in front with its first row, one step apart, and no new cell counts as measured") {
  auto table = test::hourly_table(2, {"a", "b"});
  table.values = {3, 30, 4, 40};
  const auto stamps = table.stamps;
  io::pad_front(table, 4);
  CHECK(table.values == std::vector<double>{3, 30, 3, 30, 3, 30, 4, 40});
  CHECK(table.filled == std::vector<bool>{true, true, true, true, false, false, false, false});
  CHECK(table.stamps == std::vector<io::Timestamp>{
                            {stamps[0].seconds - 7200}, {stamps[0].seconds - 3600}, stamps[0], stamps[1]});
  CHECK_THAT(table.notes.back(), ContainsSubstring("2 rows, padded to 4 with copies of the first one"));
  io::pad_front(table, 3);
  CHECK(table.rows() == 4);
  // Cut again, the padding stays what it is, whatever fills the gaps.
  table.policy = GENERATE(io::MissingPolicy::error, io::MissingPolicy::ffill, io::MissingPolicy::interpolate);
  const auto first = io::first_rows(table, 3);
  CHECK(first.values == std::vector<double>{3, 30, 3, 30, 3, 30});
  CHECK(first.filled == std::vector<bool>{true, true, true, true, false, false});
}

TEST_CASE("padding steps back by the calendar") {
  auto one = test::hourly_table(1, {"a"});
  const auto [pattern, first, frequency, before] =
      GENERATE(table<std::string, std::string, std::string, std::string>({
          {"Y-m-d", "2024-03-31", "ME", "2024-01-31"},
          {"Y-m-d", "2024-06-30", "QE", "2023-12-31"},
          {"Y-m-d", "2024-03-05", "B", "2024-03-01"},  // Tuesday to Friday
          {"Y-m-d", "2024-03-05", "W", "2024-02-20"},
          {"Y", "2000", "Y", "1998"},
      }));
  one.frequency = io::parse_frequency(frequency);
  one.stamps = {io::DateFormat(pattern).read(first)->stamp};
  io::pad_front(one, 3);
  CHECK(io::DateFormat(pattern).format(one.stamps[0]) == before);
}
