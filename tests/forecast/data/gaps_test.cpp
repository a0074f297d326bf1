#include "forecast/data/gaps.h"

#include <cmath>

#include "io/series_fill.h"
#include "support/series.h"

using namespace arzoo;
using forecast::Gaps;

namespace {

io::SeriesTable interpolated(const std::vector<double>& values) {
  auto table = test::hourly_table(static_cast<int64_t>(values.size()), {"a"});
  table.values = values;
  io::fill_missing_cells(table, io::MissingPolicy::interpolate);
  return table;
}

at::Tensor as_floats(const io::SeriesTable& table) {
  return at::tensor(table.values, at::kDouble).to(at::kFloat).unsqueeze(1);
}

/// Rows [row, row + rows) as they are known at row `known`.
std::vector<float> seen(const io::SeriesTable& table, int64_t row, int64_t rows, int64_t known) {
  const auto values = as_floats(table);
  auto window = values.narrow(0, row, rows).clone();
  Gaps(table, values).hide_future(window.data_ptr<float>(), row, rows, known);
  return {window.data_ptr<float>(), window.data_ptr<float>() + rows};
}

}  // namespace

TEST_CASE("a window has its gaps as they could be filled at its end") {
  // Interpolated: 1, 2, 3, 4, 5, 6, 7.
  const auto table = interpolated({1, NAN, 3, NAN, NAN, 6, 7});
  CHECK(seen(table, 0, 3, 3) == std::vector<float>{1, 2, 3});
  CHECK(seen(table, 0, 4, 4) == std::vector<float>{1, 2, 3, 3});
  CHECK(seen(table, 1, 4, 5) == std::vector<float>{2, 3, 3, 3});
  CHECK(seen(table, 1, 5, 6) == std::vector<float>{2, 3, 4, 5, 6});
  // A gap that began before the window.
  CHECK(seen(table, 3, 2, 5) == std::vector<float>{3, 3});
  // The rows after the window are known: only those at the border are hidden.
  CHECK(seen(table, 0, 4, 5) == std::vector<float>{1, 2, 3, 3});
  CHECK(seen(table, 0, 4, 7) == std::vector<float>{1, 2, 3, 4});
}

TEST_CASE("before its first value a series is at its mean") {
  CHECK(seen(interpolated({NAN, NAN, 3, 4}), 0, 2, 2) == std::vector<float>{0, 0});
  CHECK(seen(interpolated({NAN, NAN, 3, 4}), 0, 3, 3) == std::vector<float>{3, 3, 3});
}

TEST_CASE("measured cells are told from filled ones, and a full table has no gaps") {
  const auto table = interpolated({1, NAN, 3, 4});
  const Gaps gaps(table, as_floats(table));
  CHECK(at::equal(gaps.measured(1, 3).squeeze(1), at::tensor({0, 1, 1}).to(at::kBool)));
  CHECK_FALSE(gaps.empty());
  const auto full = interpolated({1, 2});
  CHECK(Gaps(full, as_floats(full)).empty());
}
