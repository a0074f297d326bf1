#include "core/metrics_log.h"

#include <sys/stat.h>

#include <filesystem>
#include <limits>

#include "core/error.h"
#include "core/json.h"
#include "support/file_size_limit.h"
#include "support/test.h"

using namespace arzoo;
using arzoo::test::FileSizeLimit;
using arzoo::test::read_file;
using arzoo::test::TempDir;

namespace {}  // namespace

TEST_CASE("each line is in the file when append returns", "[metrics_log_test]") {
  const TempDir temp;
  MetricsLog log(temp / "metrics.jsonl", 0);
  log.append({{"step", 1}, {"loss", 0.5}});
  CHECK(read_file(temp / "metrics.jsonl") == "{\"step\":1,\"loss\":0.5}\n");
  log.append({{"step", 2}, {"loss", std::numeric_limits<double>::quiet_NaN()}});
  CHECK(read_file(temp / "metrics.jsonl") == "{\"step\":1,\"loss\":0.5}\n{\"step\":2,\"loss\":null}\n");
}

TEST_CASE("a resumed log equals that of an uninterrupted run", "[metrics_log_test]") {
  const TempDir temp;
  const auto train = [&](const std::string& name, std::int64_t from, std::int64_t to) {
    MetricsLog log(temp / name, from);
    for (std::int64_t step = from + 1; step <= to; ++step) {
      log.append({{"step", step}, {"loss", 1.0 / static_cast<double>(step)}});
    }
  };
  train("whole", 0, 30);
  train("resumed", 0, 17);
  std::ofstream(temp / "resumed", std::ios::app) << "{\"step\":18,\"lo";
  train("resumed", 10, 30);
  CHECK(read_file(temp / "resumed") == read_file(temp / "whole"));
}

TEST_CASE("lines of the last saved step stay", "[metrics_log_test]") {
  const TempDir temp;
  const auto path = temp.write("m", "{\"step\":1}\n{\"step\":2}\n{\"step\":2,\"val\":1}\n{\"step\":3}\n");
  { const MetricsLog log(path, 2); }
  CHECK(read_file(path) == "{\"step\":1}\n{\"step\":2}\n{\"step\":2,\"val\":1}\n");
}

TEST_CASE("a line that is no log line is named and the file left alone", "[metrics_log_test]") {
  const std::string line =
      GENERATE("{\"loss\":1}", "{\"step\":1.5}", "{\"step\":\"1\"}", "[1]", "", "{\"step\":1", "\xFF");
  const TempDir temp;
  const std::string text = "{\"step\":1}\n" + line + "\n{\"step\":3}\n";
  const auto path = temp.write("m", text);
  CHECK_THROWS_AS(MetricsLog(path, 5), CheckpointError);
  CHECK_THROWS_WITH(MetricsLog(path, 5), ContainsSubstring("m:2: is not a line of a training log"));
  CHECK(read_file(path) == text);
}

TEST_CASE("a log is read line by line, and what is no line of it is counted", "[metrics_log_test]") {
  const TempDir temp;
  const auto path = temp.write("m", "{\"step\":1,\"loss\":0.5}\nbroken\n" + std::string(100000, '[') +
                                        "\n{\"step\":\"x\"}\n" + std::string(std::size_t{2} << 20, '1') +
                                        "\n{\"step\":2}\n{\"step\":3,\"lo");
  std::vector<std::int64_t> steps;
  const auto bad =
      read_metrics(path, [&](const Json& line) { steps.push_back(line["step"].get<std::int64_t>()); });
  CHECK(steps == std::vector<std::int64_t>{1, 2});
  CHECK(bad.count == 4);
  CHECK(bad.first == 2);
  CHECK_THROWS_AS(read_metrics(temp / "none", [](const Json&) {}), CheckpointError);
}

TEST_CASE("a pipe in the place of a log is refused at once", "[metrics_log_test]") {
  const TempDir temp;
  REQUIRE(::mkfifo((temp / "m").c_str(), 0600) == 0);
  CHECK_THROWS_AS(MetricsLog(temp / "m", 0), CheckpointError);
  CHECK_THROWS_AS(read_metrics(temp / "m", [](const Json&) {}), CheckpointError);
}

TEST_CASE("a full disk is a system failure that leaves no half line", "[metrics_log_test]") {
  const TempDir temp;
  MetricsLog log(temp / "m", 0);
  log.append({{"step", 1}});
  const auto whole = read_file(temp / "m");
  {
    const FileSizeLimit limit(whole.size() + 5);
    CHECK_THROWS_AS(log.append({{"step", 2}}), SystemFailure);
    CHECK_THROWS_WITH(log.append({{"step", 2}}), ContainsSubstring("/m: cannot be written: File too large"));
  }
  CHECK(read_file(temp / "m") == whole);
  log.append({{"step", 2}});
  CHECK(read_file(temp / "m") == whole + "{\"step\":2}\n");
}

TEST_CASE("a log in a folder that is not there is a system failure", "[metrics_log_test]") {
  const TempDir temp;
  CHECK_THROWS_AS(MetricsLog(temp / "none/m", 0), UsageError);
}

TEST_CASE("a log that is no regular file is refused, whether it is read or written, instead of waited for") {
  const test::TempDir dir;
  ::mkfifo((dir / "pipe").c_str(), 0600);
  std::filesystem::create_symlink("loop", dir / "loop");
  for (const auto& path : {dir / "pipe", dir / "loop", std::filesystem::path("/dev/zero")}) {
    CAPTURE(path);
    CHECK_THROWS_AS(MetricsLog(path, 0), CheckpointError);
    CHECK_THROWS_AS(read_metrics(path, [](const Json&) {}), CheckpointError);
  }
}
