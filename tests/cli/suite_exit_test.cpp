// How suites end whose cells fail: the real program, on data of its own.

#include "cli/refusal.h"

using namespace arzoo;
using namespace arzoo::test;

namespace {

/// The built program beside a suite of one naive cell that works and one cell more.
struct SuiteProgram : Program {
  explicit SuiteProgram(const std::string& other) : Program(Library::built) {
    write("series.csv", wide_csv(hourly_table(300, {"a", "b"})));
    write("config.json", kTinyConfig);
    write("suite.json", R"({"cells": [)" + other + R"(, {"name": "naive", "data": "series.csv",
      "baseline": "seasonal_naive", "context": 48, "horizon": 8}]})");
  }
  Ended table() const { return (*this)({"bench", "table", "suite.json", "--out", "out", "--quiet"}); }
};

}  // namespace

TEST_CASE("a table whose cell has a broken file ends with 3, the other cells' results in stdout and files") {
  const SuiteProgram arzoo(R"({"name": "broken", "data": "broken.csv", "baseline": "linear"})");
  arzoo.write("broken.csv", "date,a\n2020-01-01,x\n");
  const auto ended = arzoo.table();
  CHECK(ended.code == 3);
  CHECK_THAT(ended.err, ContainsSubstring("arzoo: table: 1 of 2 cells failed\n"));
  CHECK_THAT(ended.out, ContainsSubstring("naive") && ContainsSubstring("failed: ") &&
                            ContainsSubstring("2 cells, 1 failed\n"));
  CHECK(fs::exists(arzoo.files() / "out/table.csv"));
}

TEST_CASE("a table whose training comes to nothing ends with 4, one that lacks a file with 0") {
  const SuiteProgram wild(
      R"({"name": "wild", "config": "config.json", "set": ["training.learning_rate=1e30"]})");
  const auto ended = wild.table();
  CHECK(ended.code == 4);
  CHECK_THAT(ended.err, ContainsSubstring("wild: failed, step "));
  const SuiteProgram absent(R"({"name": "absent", "data": "absent.csv", "baseline": "linear"})");
  const auto skipped = absent.table();
  CHECK(skipped.code == 0);
  CHECK_THAT(skipped.out, ContainsSubstring("2 cells, 0 failed, 1 cell skipped\n"));
}

TEST_CASE("a regression counts its checks") {
  const SuiteProgram arzoo(R"({"name": "unused", "data": "absent.csv", "baseline": "linear"})");
  arzoo.write("regress.json", R"({"cells": [{"name": "tiny", "config": "config.json"}]})");
  arzoo.write("baseline.json", R"({"tiny": {"metrics": {"mse": 1e9}}})");
  const auto ended = arzoo({"bench", "regress", "regress.json", "--baseline", "baseline.json", "--out", "out",
                            "--accuracy-only", "--quiet"});
  CHECK(ended.code == 4);
  CHECK(ended.err == "arzoo: regress: 2 of 2 checks failed\n");  // mse differs, mae is new
  CHECK_THAT(ended.out, ContainsSubstring("\n2 checks, 2 failed\n"));
}

TEST_CASE("what bf16 is worth on this machine is measured once, in the user's cache folder") {
  const TrainedProgram arzoo;
  const auto cache = (arzoo.files() / "cache").string();
  const auto ended =
      arzoo.call("env", {"XDG_CACHE_HOME=" + cache, (arzoo.bin() / "arzoo").string(), "forecast", "--model",
                         "run", "--input", "series.csv", "--output", "out.csv", "--dtype", "bf16"});
  INFO(ended.err);
  CHECK(ended.code == 0);
  CHECK(fs::exists(fs::path(cache) / "arzoo/processor_rates.json"));
}
