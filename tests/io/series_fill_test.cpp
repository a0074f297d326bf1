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
