// What a user gets to see of a table of the future: one line, and no file written.

#include "cli/refusal.h"

using namespace arzoo::test;

namespace {

/// The built program beside series.csv and the model "run", which knows column b of the four steps ahead.
struct CovariateProgram : Program {
  CovariateProgram() : Program(Library::built) {
    write("series.csv", wide_csv(hourly_table(80, {"a", "b"})));
    write("config.json", kTinyConfig);
    const auto ended = (*this)({"train", "config.json", "--set", "data.future_covariates=[\"b\"]", "--out",
                                "run", "--threads", "1", "--quiet"});
    INFO(ended.err);
    REQUIRE(ended.code == 0);
  }
};

std::vector<std::string> forecast_with(const std::string& future) {
  std::vector<std::string> words{"forecast", "--model", "run",       "--input", "series.csv",
                                 "--output", "out.csv", "--threads", "1",       "--quiet"};
  if (!future.empty()) words.insert(words.end(), {"--future", future});
  return words;
}

std::string ahead(const std::string& header, const std::vector<int>& hours) {
  std::string text = header + "\n";
  for (const int hour : hours)
    text += arzoo::io::DateFormat().format(hour_stamp(hour)) + ",1" +
            (std::count(header.begin(), header.end(), ',') > 1 ? ",2\n" : "\n");
  return text;
}

}  // namespace

TEST_CASE("forecast refuses a table of the future that does not fit, and says which step") {
  const CovariateProgram arzoo;
  check_refused(
      arzoo, forecast_with(""), 2,
      "--future is required: the model itransformer was trained with covariates that are known ahead "
      "(\"b\"), give a file with them for each step to forecast");
  struct Case {
    std::string text, message;
  };
  const std::string range = "the 4 steps, 2020-01-04 08:00:00 to 2020-01-04 11:00:00";
  for (const auto& [text, message] : std::vector<Case>{
           {ahead("date,b", {80, 81, 83}),
            "future.csv: series \"series\": no row for 2020-01-04 10:00:00, expected one for each of " +
                range},
           {ahead("date,b", {81, 82, 83, 84}),
            "future.csv: series \"series\": no row for 2020-01-04 08:00:00, expected one for each of " +
                range},
           {ahead("date,b", {80, 81, 82, 83, 84}),
            "future.csv:6: series \"series\": 2020-01-04 12:00:00 is none of " + range +
                " (leave such rows out, or give --horizon)"},
           {ahead("date,b,a", {80, 81, 82, 83}),
            "future.csv:1: column \"a\" is no covariate known ahead, these are \"b\" (leave the column out)"},
           {ahead("date,c", {80, 81, 82, 83}),
            "future.csv:1: no column \"b\", the columns are \"date\", \"c\""},
           {"date,b\n", "future.csv:1: has a header but no rows, expected one row per time step below it"},
           {"", "future.csv…"},
       }) {
    arzoo.write("future.csv", text);
    check_refused(arzoo, forecast_with("future.csv"), 3, message);
  }
}

TEST_CASE("forecast with a table of the future writes the forecast of the targets") {
  const CovariateProgram arzoo;
  arzoo.write("future.csv", ahead("date,b", {80, 81, 82, 83}));
  const auto ended = arzoo(forecast_with("future.csv"));
  INFO(ended.err);
  CHECK(ended.code == 0);
  const auto rows = read_file(arzoo.files() / "out.csv");
  CHECK(std::count(rows.begin(), rows.end(), '\n') == 5);
  CHECK_THAT(rows, ContainsSubstring("\na,2020-01-04 08:00:00,itransformer,"));
}
