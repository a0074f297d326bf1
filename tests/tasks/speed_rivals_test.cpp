// bench speed beside other engines of the reference program, and where its own time goes.

#include "tasks/speed_rivals.h"

#include <fmt/format.h>

#include "support/tasks.h"
#include "tasks/operator_profile.h"
#include "tasks/register_peak.h"

using namespace arzoo;

namespace {

/// One cell of a small forecaster, beside a shell script.
Json speed_of(const test::TempDir& folder, Json extra, RecordingProgress& progress) {
  const auto config = test::source_dir() / "configs/forecast/itransformer_tiny.json";
  const Json cell{
      {"name", "small"}, {"config", config.string()}, {"work", "inference"}, {"reference_dtype", "fp32"}};
  const std::string script =
      R"(while read -r line; do case "$line" in *openvino*) echo '{"error": "openvino trains nothing"}';; )"
      R"(*compile*) echo '{"seconds": [1.0], "compile_seconds": 40.0, "start_seconds": 3.0, "peak_memory_bytes": 1048576}';; )"
      R"(*) echo '{"seconds": [2.0]}';; esac; done)";
  Json suite{{"rounds", 2},
             {"round_seconds", 0.005},
             {"gemm_size", 64},
             {"reference", {"sh", "-c", script}},
             {"cells", {cell}}};
  suite.update(extra);
  const plan::SpeedTask task{{}, Config(std::move(suite), "suite.json"), folder.path(), {}, {}, false};
  return tasks::speed(task, progress, test::kNeverStop);
}

}  // namespace

TEST_CASE("each rival has a row: its time beside ours, its compilation apart, or why there is none") {
  const test::TempDir folder;
  RecordingProgress progress;
  const auto result = speed_of(folder, {{"rivals", {"eager", "compile", "openvino"}}}, progress);
  const auto rivals = result["cells"][0]["rivals"];
  REQUIRE(rivals.size() == 3);
  CHECK(rivals[0]["p50_ms"] == 2000.0);
  CHECK(rivals[0]["compile_seconds"].is_null());
  CHECK(rivals[1]["p50_ms"] == 1000.0);
  CHECK(rivals[1]["compile_seconds"] == 40.0);
  CHECK(rivals[1]["ratio"]["median"].get<double>() < 1.0);
  CHECK(rivals[2]["error"] == "openvino trains nothing");
  REQUIRE(result["rivals"].size() == 3);
  CHECK(result["rivals"][1]["rival MiB"] == 1.0);
  CHECK_THAT(result["markdown"].get<std::string>(), ContainsSubstring("openvino trains nothing"));
  REQUIRE(progress.warnings.size() == 1);
}

TEST_CASE("rivals need a reference program, and are among those that it has") {
  const test::TempDir folder;
  RecordingProgress progress;
  CHECK_THROWS_AS(speed_of(folder, {{"rivals", {"eager"}}, {"reference", Json::array()}}, progress),
                  ConfigError);
  CHECK_THROWS_AS(speed_of(folder, {{"rivals", {"llama"}}}, progress), ConfigError);
}

TEST_CASE("a profile says where the time goes, and its shares are the whole") {
  const test::TempDir folder;
  RecordingProgress progress;
  const auto result = speed_of(folder, {{"profile", true}}, progress);
  const auto profile = result["cells"][0]["profile"];
  double share = 0.0, gflop = 0.0;
  for (const auto& kind : profile) {
    share += kind["share"].get<double>();
    gflop += kind["gflop"].get<double>();
  }
  CHECK(share == Approx(1.0).epsilon(0.05));
  CHECK(gflop == Approx(result["cells"][0]["gflop"].get<double>()));
  CHECK(result["profile"].size() == profile.size());
  CHECK(tasks::operator_kind("aten::addmm") == "products");
  CHECK(tasks::operator_kind("aten::t") == "views");
  CHECK(tasks::operator_kind("aten::_softmax") == "softmax and losses");
  CHECK(tasks::operator_kind("aten::mul") == "elementwise");
}

TEST_CASE("the processor's own limit is above what a matrix product reaches") {
  const auto peaks = tasks::register_peaks();
  if (peaks.fp32 == 0.0) return;  // a processor without an instruction that is known here
  const test::TempDir folder;
  RecordingProgress progress;
  const auto row = speed_of(folder, Json::object(), progress)["cells"][0];
  CHECK(row["register_peak_share"].get<double>() > 0.0);
  CHECK(row["register_peak_share"].get<double>() < 1.0);
}
