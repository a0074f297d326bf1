#include "forecast/zero_shot_windows.h"

#include <cmath>

#include "core/error.h"
#include "io/series_fill.h"
#include "support/series.h"
#include "support/test.h"

using namespace arzoo;
using forecast::ZeroShotWindows;

TEST_CASE("the official evaluation has one window less than fit, in the test rows of the file's name") {
  const auto [name, rows, count] = GENERATE(table<std::string, int64_t, int64_t>(
      {{"any.csv", 200, 40 - 8}, {"ETTh1.csv", 14400, 2880 - 8}, {"etth2.csv", 17420, 2880 - 8}}));
  const ZeroShotWindows windows(test::hourly_table(rows, {"a", "b"}), name, 16, 8);
  CHECK(windows.columns() == 2);
  CHECK(windows.size() == 2 * count);
}

TEST_CASE("windows of a column follow each other step by step, the target behind the context") {
  const ZeroShotWindows windows(test::hourly_table(200, {"a", "b"}), "any.csv", 16, 8);
  const int64_t second = windows.size() / 2;
  const auto batch = windows.batch(std::vector<int64_t>{0, 8, second});
  CHECK(batch.x_enc.sizes() == at::IntArrayRef({3, 16, 1}));
  CHECK(batch.target.sizes() == at::IntArrayRef({3, 8, 1}));
  CHECK(at::equal(batch.x_enc[0].narrow(0, 8, 8), batch.x_enc[1].narrow(0, 0, 8)));
  CHECK(at::equal(batch.target[0], batch.x_enc[1].narrow(0, 8, 8)));
  CHECK_FALSE(at::equal(batch.x_enc[0], batch.x_enc[2]));
}

TEST_CASE("a file without a window is refused") {
  CHECK_THROWS_AS(ZeroShotWindows(test::hourly_table(50), "any.csv", 16, 12), DataError);
  CHECK_THROWS_AS(ZeroShotWindows(test::hourly_table(50), "any.csv", 60, 2), DataError);
}

TEST_CASE("a zero-shot context shows nothing after its end, and filled targets do not count") {
  auto table = test::hourly_table(200, {"a"});
  for (std::size_t row = 165; row < 175; ++row) table.values[row] = NAN;
  io::fill_missing_cells(table, io::MissingPolicy::interpolate);
  const ZeroShotWindows windows(table, "any.csv", 16, 8);
  const auto batch = windows.batch(std::vector<int64_t>{10});  // context [154, 170), target [170, 178)
  const auto context = batch.x_enc.flatten();
  for (int64_t t = 11; t < 16; ++t) CHECK(context[t].item<float>() == context[10].item<float>());
  CHECK(context[10].item<float>() != context[9].item<float>());
  CHECK(at::equal(batch.measured.flatten(), at::tensor({0, 0, 0, 0, 0, 1, 1, 1}).to(at::kBool)));
}
