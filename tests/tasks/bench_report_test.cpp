// bench report: one page of what runs and suites have left.

#include "core/config.h"
#include "support/tasks.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

Json report(const std::vector<fs::path>& folders, const fs::path& output, RecordingProgress& progress) {
  return tasks::report({folders, output}, progress, test::kNeverStop);
}

/// A run as training leaves it, as far as a report looks.
void write_run(const TempDir& temp, const std::string& name) {
  temp.write(name + "/config.json", R"({"model": {"name": "itransformer"}, "seed": 1})");
  temp.write(name + "/metrics.jsonl",
             "{\"step\": 1, \"loss\": 0.9}\n{\"step\": 2, \"loss\": 0.5}\nbroken\n{\"step\": 2, \"val_mse\": "
             "0.41}\n");
}

}  // namespace

TEST_CASE("runs and tables of any depth become one page that needs nothing else") {
  const TempDir temp;
  write_run(temp, "runs/deep/first");
  write_run(temp, "runs/second");
  temp.write("runs/bench/table.json",
             R"({"title": "Tables <1>", "source": "a paper", "rows": [{"cell": "x", "measured": 0.25}]})");
  RecordingProgress progress;
  const auto result = report({temp / "runs"}, temp / "page.html", progress);
  CHECK(result["runs"] == 2);
  CHECK(result["tables"] == 1);
  const auto page = test::read_file(temp / "page.html");
  for (const auto* expected :
       {"Tables &lt;1&gt;", "a paper", "0.25", "deep/first: itransformer", "<svg", "val_mse"})
    CHECK_THAT(page, ContainsSubstring(expected));
  CHECK(page.find("<script") == std::string::npos);
}

TEST_CASE("what cannot be read is left out with a warning, and a folder without anything is refused") {
  const TempDir temp;
  write_run(temp, "runs/good");
  temp.write("runs/bad/table.json", "{");
  RecordingProgress progress;
  CHECK(report({temp / "runs"}, temp / "page.html", progress)["runs"] == 1);
  REQUIRE(progress.warnings.size() == 2);
  CHECK_THAT(progress.warnings.front(), ContainsSubstring("bad/table.json"));
  CHECK_THAT(progress.warnings.back(),
             ContainsSubstring("good/metrics.jsonl:3: is no line of a training log"));
  fs::create_directories(temp / "empty");
  CHECK_THROWS_AS(report({temp / "empty"}, temp / "page.html", progress), UsageError);
  CHECK_THROWS_AS(report({temp / "none"}, temp / "page.html", progress), UsageError);
}

TEST_CASE("hostile lines of a log and folders that cannot be searched do not end a report") {
  const TempDir temp;
  write_run(temp, "runs/good");
  temp.write("runs/deep/config.json", "{}");
  temp.write("runs/deep/metrics.jsonl",
             std::string(100000, '[') + std::string(100000, ']') +
                 "\n{\"step\": \"one\", \"loss\": 1}\n{\"step\": 4, \"val\": 0.125}\n");
  fs::create_directory_symlink(temp / "runs", temp / "runs/circle");
  fs::create_directories(temp / "runs/loop");
  fs::create_symlink("config.json", temp / "runs/loop/config.json");
  temp.write("runs/loop/metrics.jsonl", "");
  RecordingProgress progress;
  CHECK(report({temp / "runs"}, temp / "page.html", progress)["runs"] == 3);
  CHECK_THAT(test::read_file(temp / "page.html"), ContainsSubstring("0.125"));
  const auto told = [&](const std::string& part) {
    return std::any_of(progress.warnings.begin(), progress.warnings.end(),
                       [&](const auto& warning) { return warning.find(part) != std::string::npos; });
  };
  CHECK(told("deep/metrics.jsonl:1: is no line of a training log, and 1 more"));
  CHECK(told("loop/config.json: "));
}

TEST_CASE("a few bytes of a log or a table cannot ask for a page that is far larger than they are") {
  const TempDir temp;
  write_run(temp, "runs/good");
  std::string line = R"({"step": 1)", columns, empty_rows;
  for (int i = 0; i < 50'000; ++i) line += fmt::format(R"(, "g{}/x": 1)", i);
  for (int i = 0; i < 5'000; ++i) columns += fmt::format(R"({}"c{}": 1)", i == 0 ? "" : ", ", i);
  for (int i = 0; i < 50'000; ++i) empty_rows += ", {}";
  temp.write("runs/charts/config.json", "{}");
  temp.write("runs/charts/metrics.jsonl", line + "}\n");
  temp.write("runs/cells/table.json", R"({"title": "T", "rows": [{)" + columns + "}" + empty_rows + "]}");
  temp.write("runs/title/table.json", R"({"title": ")" + std::string(1'000'000, '<') + R"(", "rows": []})");
  RecordingProgress progress;
  report({temp / "runs"}, temp / "page.html", progress);
  const auto page = test::read_file(temp / "page.html");
  CHECK(page.size() < 1'000'000);
  CHECK_THAT(page, ContainsSubstring("good: itransformer") && ContainsSubstring("&lt;&lt;&lt;"));
  const auto told = [&](const std::string& part) {
    return std::any_of(progress.warnings.begin(), progress.warnings.end(),
                       [&](const auto& warning) { return warning.find(part) != std::string::npos; });
  };
  CHECK(told("metrics.jsonl: its curves would take more than"));
  CHECK(told("runs: its table would take more than"));
}
