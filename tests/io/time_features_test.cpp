#include "io/time_features.h"

#include "core/error.h"
#include "support/test.h"

using namespace arzoo;

namespace {

// Expected numbers: utils/timefeatures.py of Autoformer and Informer2020, run with pandas 1.5.3.
const std::vector<io::Timestamp> kStamps = {
    io::to_timestamp({2016, 2, 29, 0, 0, 0}),   io::to_timestamp({2016, 12, 31, 23, 59, 59}),
    io::to_timestamp({2016, 1, 1, 0, 0, 0}),    io::to_timestamp({2018, 12, 31, 6, 45, 30}),
    io::to_timestamp({2020, 12, 31, 23, 0, 0}), io::to_timestamp({2021, 1, 3, 1, 1, 1}),
    io::to_timestamp({2024, 2, 29, 13, 37, 7}),
};

std::vector<double> features(char code) {
  std::vector<double> out(kStamps.size() * io::time_feature_count(code));
  io::fill_time_features(kStamps, code, out);
  return out;
}

std::vector<std::int64_t> codes(io::TimeCodes layout, char code) {
  std::vector<std::int64_t> out(kStamps.size() * io::time_code_count(layout, code));
  io::fill_time_codes(kStamps, layout, code, out);
  return out;
}

void check_close(const std::vector<double>& actual, const std::vector<double>& expected) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    CAPTURE(i);
    CHECK(actual[i] == Approx(expected[i]).margin(5e-8));
  }
}

}  // namespace

TEST_CASE("continuous features by second are those of the official code") {
  check_close(features('s'),
              {-0.5,       -0.5,       -0.5,       -0.5,       0.4333333,  -0.3383562, 0.5,
               0.5,        0.5,        0.3333333,  0.5,        0.5,        -0.5,       -0.5,
               -0.5,       0.1666667,  -0.5,       -0.5,       0.0084746,  0.2627119,  -0.2391304,
               -0.5,       0.5,        0.4972603,  -0.5,       -0.5,       0.5,        0.0,
               0.5,        0.5,        -0.4830509, -0.4830509, -0.4565217, 0.5,        -0.4333333,
               -0.4945205, -0.3813559, 0.1271186,  0.0652174,  0.0,        0.4333333,  -0.3383562});
}

TEST_CASE("coarser steps drop the finest features") {
  const auto [code, dropped] = GENERATE(table<char, std::size_t>({{'t', 1}, {'h', 2}, {'d', 3}, {'b', 3}}));
  const auto by_second = features('s'), coarser = features(code);
  const std::size_t width = 6 - dropped;
  REQUIRE(io::time_feature_count(code) == width);
  for (std::size_t row = 0; row < kStamps.size(); ++row) {
    for (std::size_t i = 0; i < width; ++i)
      CHECK(coarser[row * width + i] == by_second[row * 6 + dropped + i]);
  }
}

TEST_CASE("continuous features by week are those of the official code") {
  check_close(features('w'), {0.4333333, -0.3461539, 0.5, 0.4807692, -0.5, 0.5, 0.5, -0.5, 0.5, 0.5,
                              -0.4333333, 0.5, 0.4333333, -0.3461539});
}

TEST_CASE("continuous features by month and quarter are those of the official code") {
  const char code = GENERATE('m', 'q');
  check_close(features(code), {-0.4090909, 0.5, -0.5, 0.5, 0.5, -0.5, -0.4090909});
}

TEST_CASE("the 366th day and the 53rd week are exactly one half") {
  CHECK(features('d')[5] == 0.5);
  CHECK(features('w')[5] == 0.5);
}

TEST_CASE("yearly data has no features") {
  CHECK(features('a').empty());
  CHECK(codes(io::TimeCodes::informer, 'a').empty());
}

TEST_CASE("whole-number codes by minute are those of the official code") {
  const auto layout = GENERATE(io::TimeCodes::thuml, io::TimeCodes::informer);
  CHECK(codes(layout, 't') == std::vector<std::int64_t>{2, 29, 0, 0,  0,  12, 31, 5,  23, 3,  1, 1,
                                                        4, 0,  0, 12, 31, 0,  6,  3,  12, 31, 3, 23,
                                                        0, 1,  3, 6,  1,  0,  2,  29, 3,  13, 2});
}

TEST_CASE("thuml codes have four columns unless the file counts minutes") {
  const auto [code, count] = GENERATE(table<char, std::size_t>(
      {{'s', 5}, {'t', 5}, {'h', 4}, {'d', 4}, {'b', 4}, {'w', 4}, {'m', 4}, {'q', 4}, {'a', 4}}));
  CHECK(io::time_code_count(io::TimeCodes::thuml, code) == count);
}

TEST_CASE("Informer2020 codes are chosen by frequency") {
  const auto [code, count] = GENERATE(
      table<char, std::size_t>({{'t', 5}, {'h', 4}, {'d', 3}, {'b', 3}, {'w', 1}, {'m', 1}, {'a', 0}}));
  REQUIRE(io::time_code_count(io::TimeCodes::informer, code) == count);
  const auto all = codes(io::TimeCodes::informer, 't'), some = codes(io::TimeCodes::informer, code);
  for (std::size_t row = 0; row < kStamps.size(); ++row) {
    for (std::size_t i = 0; i < count; ++i) CHECK(some[row * count + i] == all[row * 5 + i]);
  }
}

TEST_CASE("a code without features is refused") {
  CHECK_THROWS_AS(io::time_feature_count('x'), ConfigError);
  CHECK_THROWS_AS(io::time_code_count(io::TimeCodes::thuml, 'x'), ConfigError);
  CHECK_THROWS_AS(io::time_code_count(io::TimeCodes::informer, 's'), ConfigError);
  CHECK_THROWS_AS(io::time_code_count(io::TimeCodes::informer, 'q'), ConfigError);
}

TEST_CASE("a buffer of the wrong size is a programmer's mistake") {
  std::vector<double> out(3);
  CHECK_THROWS_AS(io::fill_time_features(kStamps, 'h', out), std::logic_error);
}
