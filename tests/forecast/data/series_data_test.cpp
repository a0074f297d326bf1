#include "forecast/data/series_data.h"

#include <cmath>
#include <numeric>

#include "io/series_fill.h"
#include "io/time_features.h"
#include "support/series.h"

using namespace arzoo;
using forecast::DataOptions;
using forecast::SeriesData;
using forecast::split_borders;
using forecast::SplitOptions;
using runtime::Split;
using test::hourly_table;

namespace {

DataOptions small_options() {
  DataOptions options;
  options.path = "waves.csv";
  options.seq_len = 6;
  options.label_len = 3;
  options.pred_len = 4;
  return options;
}

/// Begin and end of training, validation and test, and of calibration when there is any.
std::vector<int64_t> flat(const forecast::Borders& borders) {
  std::vector<int64_t> numbers;
  for (const auto& border : borders) {
    if (border.end > 0) numbers.insert(numbers.end(), {border.begin, border.end});
  }
  return numbers;
}

/// Three windows' worth of names, to be seen in a window's target.
at::Tensor only_target(const SeriesData& data, Split split, int64_t index) {
  return data.batch(split, std::span(&index, 1)).target[0];
}

}  // namespace

TEST_CASE("the ETT borders are the official ones, whatever the file's length") {
  const auto [kind, rows, expected] = GENERATE(table<std::string, int64_t, std::vector<int64_t>>({
      {"ett_hour", 17420, {0, 8640, 8640 - 96, 11520, 11520 - 96, 14400}},
      {"ett_hour", 14400, {0, 8640, 8640 - 96, 11520, 11520 - 96, 14400}},
      {"ett_minute", 69680, {0, 34560, 34560 - 96, 46080, 46080 - 96, 57600}},
  }));
  CHECK(flat(split_borders({.kind = kind}, rows, 96, "ETT.csv")) == expected);
}

TEST_CASE("shares of the rows are rounded down, validation takes the rest") {
  const auto [rows, train, test, expected] = GENERATE(table<int64_t, double, double, std::vector<int64_t>>({
      {100, 0.7, 0.2, {0, 70, 60, 80, 70, 100}},
      {101, 0.7, 0.2, {0, 70, 60, 81, 71, 101}},
      {26304, 0.7, 0.2, {0, 18412, 18402, 21044, 21034, 26304}},
      {100, 0.5, 0.5, {0, 50, 40, 50, 40, 100}},
      {100, 1.0, 0.0, {0, 100, 90, 100, 90, 100}},
      {12, 0.7, 0.2, {0, 8, 0, 10, 0, 12}},
  }));
  CHECK(flat(split_borders({.train = train, .test = test}, rows, 10, "a.csv")) == expected);
}

TEST_CASE("a file too short for the ETT borders is an error that says what would do") {
  CHECK_THROWS_WITH(
      split_borders({.kind = "ett_hour"}, 14399, 96, "a.csv"),
      "a.csv: 14399 rows, expected at least 14400 for the ETT borders (use split.kind \"ratio\")");
}

TEST_CASE("each split has the official number of windows") {
  const auto [pred_len, train, val, test] = GENERATE(table<int64_t, int64_t, int64_t, int64_t>(
      {{96, 8449, 2785, 2785}, {192, 8353, 2689, 2689}, {336, 8209, 2545, 2545}, {720, 7825, 2161, 2161}}));
  auto options = small_options();
  options.split.kind = "ett_hour";
  options.seq_len = 96;
  options.label_len = 48;
  options.pred_len = pred_len;
  const SeriesData data({hourly_table(17420, {"OT"})}, options);
  CHECK(data.windows(Split::train) == train);
  CHECK(data.windows(Split::val) == val);
  CHECK(data.windows(Split::test) == test);
}

TEST_CASE("values are scaled by the training rows alone") {
  const SeriesData data({hourly_table(100)}, small_options());
  const auto& series = data.series().front();
  const auto train = series.values.narrow(0, 0, 70).to(at::kDouble);
  CHECK(at::allclose(train.mean(0), at::zeros({3}, at::kDouble), 0, 1e-6));
  CHECK(at::allclose(train.square().mean(0), at::ones({3}, at::kDouble), 1e-5));
  CHECK(series.values[99][2].item<float>() == series.scaler.transform(test::wave(99, 2), 2));

  auto options = small_options();
  options.scale = false;
  CHECK(SeriesData({hourly_table(100)}, options).series().front().values[5][1].item<float>() ==
        float(test::wave(5, 1)));
}

TEST_CASE("a window is history, its end and zeros for the decoder, and the future") {
  const SeriesData data({hourly_table(100)}, small_options());
  const std::vector<int64_t> indices{4, 0};
  const auto batch = data.batch(Split::val, indices);
  const auto& series = data.series().front();
  for (int64_t i = 0; i < 2; ++i) {
    const int64_t row = 64 + indices[i];  // 70 - seq_len
    CHECK(at::equal(batch.x_enc[i], series.values.narrow(0, row, 6)));
    CHECK(at::equal(batch.x_mark_enc[i], series.marks.narrow(0, row, 6)));
    CHECK(at::equal(batch.x_dec[i].narrow(0, 0, 3), series.values.narrow(0, row + 3, 3)));
    CHECK(at::equal(batch.x_dec[i].narrow(0, 3, 4), at::zeros({4, 3})));
    CHECK(at::equal(batch.x_mark_dec[i], series.marks.narrow(0, row + 3, 7)));
    CHECK(at::equal(batch.target[i], series.values.narrow(0, row + 6, 4)));
    const auto stamps = data.stamps_of(Split::val, indices[i]);
    REQUIRE(stamps.size() == 10);
    CHECK(stamps.front() == test::hour_stamp(row));
    CHECK(stamps.back() == test::hour_stamp(row + 9));
  }
}

TEST_CASE(
    "the first window of validation and test forecasts the split's first own row, the last one ends with "
    "it") {
  const SeriesData data({hourly_table(100)}, small_options());
  const auto& values = data.series().front().values;
  CHECK(at::equal(only_target(data, Split::val, 0)[0], values[70]));
  CHECK(at::equal(only_target(data, Split::test, 0)[0], values[80]));
  CHECK(at::equal(only_target(data, Split::train, data.windows(Split::train) - 1)[3], values[69]));
  CHECK(at::equal(only_target(data, Split::val, data.windows(Split::val) - 1)[3], values[79]));
  CHECK(at::equal(only_target(data, Split::test, data.windows(Split::test) - 1)[3], values[99]));
}

TEST_CASE("features and target choose the variates and their order") {
  const auto [features, target, variates, c_out] =
      GENERATE(table<std::string, std::string, std::vector<std::string>, int64_t>({
          {"M", "", {"a", "b", "c"}, 3},
          {"M", "b", {"a", "c", "b"}, 3},
          {"MS", "", {"a", "b", "c"}, 1},
          {"MS", "a", {"b", "c", "a"}, 1},
          {"S", "", {"c"}, 1},
          {"S", "b", {"b"}, 1},
      }));
  auto options = small_options();
  options.features = features;
  options.target = target;
  const SeriesData data({hourly_table(100)}, options);
  CHECK(data.variates() == variates);
  CHECK(data.shape().enc_in == int64_t(variates.size()));
  CHECK(data.shape().c_out == c_out);
  const int64_t first = 0;
  const auto batch = data.batch(Split::train, std::span(&first, 1));
  CHECK(batch.x_enc.size(2) == int64_t(variates.size()));
  CHECK(batch.target.size(2) == c_out);
  const auto last = int64_t(variates.size()) - 1;
  const auto& scaler = data.series().front().scaler;
  CHECK(batch.target[0][0][c_out - 1].item<float>() ==
        scaler.transform(test::wave(6, variates.back()[0] - 'a'), last));
}

TEST_CASE("a target that is no column is named with the nearest one") {
  auto options = small_options();
  options.features = "S";
  options.target = "seatle";
  CHECK_THROWS_WITH(SeriesData({hourly_table(100, {"seattle", "london"})}, options),
                    "waves.csv: no column is called \"seatle\" (did you mean \"seattle\"?)");
}

TEST_CASE("without calendar features there are no marks") {
  auto options = small_options();
  options.marks = false;
  const SeriesData data({hourly_table(100)}, options);
  CHECK(data.shape().marks == 0);
  const int64_t first = 0;
  const auto batch = data.batch(Split::train, std::span(&first, 1));
  CHECK_FALSE(batch.x_mark_enc.defined());
  CHECK_FALSE(batch.x_mark_dec.defined());
}

TEST_CASE("calendar features are values around 0 or integer codes") {
  const std::vector<io::Timestamp> stamps{io::to_timestamp({2016, 7, 1, 23, 0, 0})};
  const auto values = forecast::calendar_marks(stamps, {io::Frequency::Unit::hour}, 1);
  CHECK(at::allclose(values,
                     at::tensor({0.5, 4.0 / 6 - 0.5, -0.5, 182.0 / 365 - 0.5}, at::kFloat).unsqueeze(0)));
  const auto codes = forecast::calendar_marks(stamps, {io::Frequency::Unit::hour}, 0);
  CHECK(at::equal(codes, at::tensor({7.0, 1.0, 4.0, 23.0}, at::kFloat).unsqueeze(0)));
}

TEST_CASE("several series are each scaled and split on their own, their windows one behind the other") {
  auto options = small_options();
  auto first = hourly_table(100, {"y"}), second = hourly_table(60, {"y"}, 500);
  first.unique_id = "one";
  second.unique_id = "two";
  const SeriesData data({first, second}, options);
  REQUIRE(data.series().size() == 2);
  CHECK(data.windows(Split::train) == (70 - 9) + (42 - 9));
  CHECK(data.series()[1].scaler.mean[0] != data.series()[0].scaler.mean[0]);
  CHECK(at::equal(only_target(data, Split::train, 60)[3], data.series()[0].values[69]));
  CHECK(at::equal(only_target(data, Split::train, 61)[0], data.series()[1].values[6]));
  CHECK(data.stamps_of(Split::train, 61).front() == test::hour_stamp(500));
}

TEST_CASE("a series too short for a split gives it no window, as long as another one is long enough") {
  auto shorter = hourly_table(12, {"y"}), longer = hourly_table(100, {"y"});
  shorter.unique_id = "short";
  const SeriesData data({shorter, longer}, small_options());
  CHECK(data.windows(Split::train) == 61);
  CHECK(at::equal(only_target(data, Split::train, 0)[0], data.series()[1].values[6]));
}

TEST_CASE("data without a single training window is an error with the numbers") {
  CHECK_THROWS_WITH(
      SeriesData({hourly_table(14)}, small_options()),
      "waves.csv: the longest series has 14 rows, too few to train: its training share must hold "
      "seq_len + pred_len = 10 rows (give it more rows, or choose shorter lengths)");
  CHECK_NOTHROW(SeriesData({hourly_table(15)}, small_options()));
}

TEST_CASE("series of different variates cannot be trained on together") {
  auto other = hourly_table(100, {"x"});
  other.unique_id = "other";
  CHECK_THROWS_WITH(SeriesData({hourly_table(100, {"y"}), other}, small_options()),
                    "waves.csv: series \"other\" has other variates than \"waves.csv\"");
}

TEST_CASE("a calibration split takes the end of the validation rows and nothing else") {
  CHECK(flat(split_borders({.calibration = 0.5}, 100, 10, "a.csv")) ==
        std::vector<int64_t>{0, 70, 60, 75, 70, 100, 65, 80});
  CHECK(flat(split_borders({.kind = "ett_hour", .calibration = 0.25}, 17420, 96, "ETT.csv")) ==
        std::vector<int64_t>{0, 8640, 8640 - 96, 10800, 11520 - 96, 14400, 10800 - 96, 11520});
}

TEST_CASE("a calibration split too short for a window is an error") {
  auto options = small_options();
  options.split.calibration = 0.1;
  CHECK_THROWS_WITH(SeriesData({hourly_table(200)}, options),
                    ContainsSubstring("split.calibration leaves no window of pred_len = 4 rows"));
  options.split.calibration = 0.5;
  const SeriesData data({hourly_table(200)}, options);
  CHECK(data.windows(Split::calibration) == 7);
  CHECK(data.windows(Split::val) == 7);
}

TEST_CASE("no history shows what came after its end, whatever filled its gaps") {
  // Two tables that are equal up to a row and differ after it, with a gap that ends behind it.
  const auto options = small_options();
  const auto data_of = [&](double later) {
    auto table = hourly_table(100);
    for (std::size_t cell = 3 * 75; cell < table.values.size(); ++cell) table.values[cell] = later;
    for (std::size_t row = 66; row < 75; ++row) table.values[3 * row + 1] = NAN;
    io::fill_missing_cells(table, io::MissingPolicy::interpolate);
    return SeriesData({table}, options);
  };
  const auto low = data_of(-500), high = data_of(900);
  CHECK(low.series()[0].scaler.mean == high.series()[0].scaler.mean);
  for (const auto split : {Split::train, Split::val, Split::test}) {
    for (int64_t index = 0; index < low.windows(split); ++index) {
      const auto one = low.batch(split, std::span(&index, 1)),
                 other = high.batch(split, std::span(&index, 1));
      const auto end = low.series()[0].borders[static_cast<int>(split)].begin + index + options.seq_len;
      if (end > 75) break;
      INFO("history up to row " << end);
      CHECK(at::equal(one.x_enc, other.x_enc));
      CHECK(at::equal(one.x_dec, other.x_dec));
      if (split == Split::train) CHECK(at::equal(one.target, other.target));
    }
  }
  const int64_t last = low.windows(Split::train) - 1;
  const auto measured = low.batch(Split::train, std::span(&last, 1)).measured[0];  // rows 66 to 69
  CHECK_FALSE(measured.select(1, 1).any().item<bool>());
  CHECK(measured.select(1, 0).all().item<bool>());
}

TEST_CASE("a table without gaps has no targets that do not count") {
  CHECK_FALSE(SeriesData({hourly_table(100)}, small_options())
                  .batch(Split::test, std::vector<int64_t>{0})
                  .measured.defined());
}

TEST_CASE("a column that no training row measured is named") {
  auto table = hourly_table(100);
  for (std::size_t row = 0; row < 80; ++row) table.values[3 * row + 1] = NAN;
  io::fill_missing_cells(table, io::MissingPolicy::interpolate);
  CHECK_THROWS_WITH(SeriesData({table}, small_options()),
                    ContainsSubstring("column \"b\" holds no value in the 70 training rows"));
}
