#include "cli/refusal.h"

/// Batch work in parts that run apart, or in the processes of a launcher.

using namespace arzoo;
using namespace arzoo::test;

namespace {

/// Series of a few days each, more than are forecast together.
std::string long_csv(int series) {
  std::string text = "unique_id,ds,y\n";
  for (int s = 0; s < series; ++s) {
    for (int day = 1; day <= 9; ++day)
      text += "s" + std::to_string(s) + ",2020-01-0" + std::to_string(day) + "," +
              std::to_string((s * 7 + day * 3) % 101) + "\n";
  }
  return text;
}

std::vector<std::string> forecasting(const std::string& output, const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{"forecast", "--model",   "theta", "--input", "series.csv", "--horizon",
                                 "3",        "--threads", "1",     "--quiet", "--output",   output};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// The rows of the files, under the header of the first one.
std::string joined(const Program& arzoo, const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) {
    const auto part = read_file(arzoo.files() / name);
    text += text.empty() ? part : part.substr(part.find('\n') + 1);
  }
  return text;
}

}  // namespace

TEST_CASE("the shards of a forecast, joined, are the whole to the byte, of few series as of many") {
  const Program arzoo(Library::built);
  const int series = GENERATE(100, 1300);
  CAPTURE(series);
  arzoo.write("series.csv", long_csv(series));
  REQUIRE(arzoo(forecasting("whole.csv")).code == 0);
  const auto whole = read_file(arzoo.files() / "whole.csv");
  REQUIRE(std::count(whole.begin(), whole.end(), '\n') == series * 3 + 1);
  std::vector<std::string> parts;
  for (const auto* shard : {"1/3", "2/3", "3/3"}) {
    parts.push_back("part" + std::string(shard, 1) + ".csv");
    const auto ended = arzoo(forecasting(parts.back(), {"--shard", shard, "--json"}));
    INFO(ended.err);
    REQUIRE(ended.code == 0);
    CHECK(ended.json().at("series") > 0);
  }
  const bool equal = joined(arzoo, parts) == whole;
  CHECK(equal);
}

TEST_CASE("the processes of a launcher write a part each") {
  const Program arzoo(Library::built);
  arzoo.write("series.csv", long_csv(600));
  REQUIRE(arzoo(forecasting("whole.csv")).code == 0);
  auto words = forecasting("out.csv");
  words.insert(words.begin(), {"launch", "--processes", "2", "--"});
  const auto ended = arzoo(words);
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  CHECK(std::count(ended.out.begin(), ended.out.end(), '\n') == 2);  // the first process speaks for all
  const bool equal =
      joined(arzoo, {"out.1-of-2.csv", "out.2-of-2.csv"}) == read_file(arzoo.files() / "whole.csv");
  CHECK(equal);
}

TEST_CASE("a shard that cannot be is refused") {
  const Program arzoo(Library::built);
  arzoo.write("series.csv", long_csv(2));
  for (const auto* wrong : {"0/3", "4/3", "1", "1/", "a/b", "1/2/3"}) {
    check_refused(
        arzoo, forecasting("out.csv", {"--shard", wrong}), 2,
        "forecast: --shard: \"" + std::string(wrong) + "\": expected I/N, as in 1/4, 2/4, 3/4 and 4/4");
  }
  check_refused(arzoo, forecasting("out.csv", {"--shard", "1/2", "--backtest", "1"}), 2,
                "forecast: --backtest and --shard cannot be given together…");
}
