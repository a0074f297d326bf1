#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cmath>

#include "core/config.h"
#include "core/progress.h"
#include "support/stepping_progress.h"
#include "support/test.h"
#include "tasks/reference_process.h"
#include "tasks/speed_results.h"
#include "tasks/speed_rounds.h"
#include "tasks/speed_suite.h"
#include "tasks/tasks.h"

using namespace arzoo;
using namespace arzoo::tasks;
using namespace std::chrono_literals;

namespace {

const std::atomic<bool> kGoOn{false};
constexpr const char* kSilent = "read -r line; sleep 60";

/// A series of 200 hours and a config of a small model for it.
void write_small_run(const test::TempDir& folder) {
  std::string csv = "date,a,b\n";
  for (int i = 0; i < 200; ++i)
    csv += fmt::format("2020-01-{:02}T{:02}:00,{},{}\n", 1 + i / 24, i % 24, (i * 37) % 11, (i * 5) % 7);
  folder.write("data.csv", csv);
  folder.write("model.json",
               R"({"model": {"name": "itransformer", "d_model": 16, "n_heads": 2, "e_layers": 1, "d_ff": 16},
    "data": {"path": "data.csv", "seq_len": 12, "label_len": 6, "pred_len": 4}, "training": {"batch_size": 8}})");
}

/// A reference that takes `seconds` for everything, as a shell script: it answers each line at once.
std::string constant_reference(double seconds) {
  return fmt::format("while read -r line; do echo '{{\"seconds\": [{0}, {0}, {0}]}}'; done", seconds);
}

plan::SpeedTask speed_task(const test::TempDir& folder, Json cells, const std::string& shell_script) {
  Json suite{{"title", "small"},
             {"rounds", 3},
             {"round_seconds", 0.005},
             {"gemm_size", 64},
             {"cells", std::move(cells)}};
  if (!shell_script.empty()) suite["reference"] = {"sh", "-c", shell_script};
  return {{}, Config(std::move(suite), "suite.json"), folder.path(), {}, {}, false};
}

Json cell(const std::string& name, const std::string& work, const std::string& dtype = "fp32") {
  return {{"name", name}, {"config", "model.json"}, {"work", work}, {"dtype", dtype}};
}

Json compared(Json cell, double ratio) {
  cell["reference_dtype"] = "fp32";
  cell["target"] = {{"ratio", ratio}};
  return cell;
}

std::string config_error(Json cell, const std::vector<std::string>& reference = {}) {
  Json suite{{"cells", {std::move(cell)}}, {"reference", reference}};
  try {
    read_speed_suite({{}, Config(std::move(suite), "suite.json"), {}, {}, {}, false});
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a quantile lies between the values around it") {
  CHECK(quantile({3.0, 1.0, 2.0}, 0.5) == 2.0);
  CHECK(quantile({4.0, 1.0, 2.0, 3.0}, 0.5) == 2.5);
  CHECK(quantile({0.0, 10.0}, 0.95) == Approx(9.5));
  CHECK(quantile({7.0}, 0.95) == 7.0);
  CHECK(std::isnan(quantile({}, 0.5)));
}

TEST_CASE("a suite that contradicts itself is refused with the cell's place") {
  using Row = std::tuple<const char*, const char*>;
  const auto [change, message] = GENERATE(table<const char*, const char*>({
      Row{R"({"work": "walk"})", "/cells/0/work"},
      Row{R"({"work": "stream", "batch_size": 2})", "one window at a time, got batch_size 2"},
      Row{R"({"work": "stream", "reference_dtype": "fp32"})", "no reference to compare with"},
      Row{R"({"target": {"ratio": 0.5}})", "target.ratio and memory_ratio need a reference_dtype"},
      Row{R"({"work": "inference", "target": {"loader_share": 0.05}})",
          "is for work train_step, not inference"},
      Row{R"({"reference_dtype": "fp32"})", "the suite names no reference"},
      Row{R"({"quantize": "int8"})", "for inference alone; got \"int8\" for train_step"},
      Row{R"({"work": "inference", "quantize": "int5"})", "expected int8 or int4"},
      Row{R"({"lengths": [24, 12]})", "lengths must ascend"},
      Row{R"({"speed": 1})", "/cells/0/speed: unknown key"},
  }));
  auto changed = cell("x", "train_step");
  changed.update(Json::parse(change));
  CHECK_THAT(config_error(changed), ContainsSubstring(message));
}

TEST_CASE("a cell with lengths is measured at each, and its growth is drawn") {
  const test::TempDir folder;
  write_small_run(folder);
  auto lengths = cell("growing", "inference");
  lengths["lengths"] = {8, 16, 32};
  auto task = speed_task(folder, {lengths, cell("alone", "inference")}, "");
  task.out = folder / "out";
  SilentProgress progress;
  const auto result = speed(task, progress, kGoOn);
  REQUIRE(result["cells"].size() == 4);
  CHECK(result["cells"][1]["name"] == "growing, L = 16");
  REQUIRE(result["scaling"].size() == 1);
  CHECK(result["scaling"][0]["seq_len"] == Json({8.0, 16.0, 32.0}));
  CHECK(result["markdown"].get<std::string>().find("time ~ L^") != std::string::npos);
  for (const char* file : {"table.md", "table.csv", "table.json", "report.html", "time.svg", "memory.svg"})
    CHECK(std::filesystem::is_regular_file(folder / "out" / file));
}

TEST_CASE("what a cell needs of memory does not depend on the cells before it") {
  const test::TempDir folder;
  write_small_run(folder);
  const auto sized = [](const char* name, int64_t batch) {
    auto own = cell(name, "inference");
    own["batch_size"] = batch;
    return own;
  };
  const auto small = sized("small", 16), large = sized("large", 2048);
  SilentProgress progress;
  const auto measured = [&](const Json& cells, std::size_t which) {
    return speed(speed_task(folder, cells, ""), progress, kGoOn)["cells"][which]["working_memory_bytes"];
  };
  const auto first = measured(Json::array({large, small}), 0),
             last = measured(Json::array({small, large}), 1);
  if (first.is_null()) return;  // a system that does not let a process start a new peak
  constexpr double kMegabyte = 1 << 20;
  CHECK(last.get<double>() == Approx(first.get<double>()).epsilon(0.2).margin(kMegabyte));
  const auto alone = measured(Json::array({small}), 0), after = measured(Json::array({large, small}), 1);
  CHECK(after.get<double>() == Approx(alone.get<double>()).epsilon(0.2).margin(kMegabyte));
  CHECK(first.get<double>() > 2 * alone.get<double>());
}

TEST_CASE("the fitted exponent is that of the longest lengths") {
  std::vector<Json> rows;
  for (const double length : {1.0, 10.0, 100.0, 1000.0, 10000.0}) {
    rows.push_back({{"scaling", "x"},
                    {"seq_len", length},
                    {"p50_ms", length < 50 ? 7.0 : 1e-3 * length * length},
                    {"working_memory_bytes", 1e6 * std::sqrt(length)}});
  }
  const auto fits = fit_scaling(rows);
  REQUIRE(fits.size() == 1);
  CHECK(fits[0].time_exponent == Approx(2.0));
  CHECK(fits[0].memory_exponent == Approx(0.5));
  rows.resize(1);
  CHECK(std::isnan(fit_scaling(rows)[0].time_exponent));
}

TEST_CASE("a reference's files may lie beside the suite, and other arguments stay as they are") {
  const test::TempDir folder;
  const auto script = folder.write("plain.py", "");
  CHECK(reference_command({"python3", "plain.py", "--fast"}, folder.path()) ==
        std::vector<std::string>{"python3", script.string(), "--fast"});
}

TEST_CASE("a reference answers line by line, and its stderr is passed on") {
  std::vector<std::string> lines;
  ReferenceProcess reference(
      {"sh", "-c",
       "while read -r line; do echo \"saw $line\" >&2; sleep 0.05; echo \"{\\\"got\\\": $line}\"; done"},
      [&](std::string_view line) { lines.emplace_back(line); });
  CHECK(reference.ask({{"a", 1}}, 5s, kGoOn) == Json{{"got", {{"a", 1}}}});
  CHECK(reference.ask({{"b", 2}}, 5s, kGoOn) == Json{{"got", {{"b", 2}}}});
  CHECK(lines == std::vector<std::string>{R"(saw {"a":1})", R"(saw {"b":2})"});
}

TEST_CASE("a request larger than the pipe reaches the reference whole") {
  ReferenceProcess reference({"sh", "-c", "read -r line; echo \"{\\\"length\\\": ${#line}}\"; sleep 60"},
                             [](std::string_view) {});
  const Json request{{"text", std::string(300000, 'x')}};
  CHECK(reference.ask(request, 10s, kGoOn)["length"] == request.dump().size());
}

TEST_CASE("what is wrong with a reference is told with its last words") {
  using Row = std::tuple<const char*, const char*>;
  const auto [script, message] = GENERATE(table<const char*, const char*>({
      Row{"echo 'no module named torch' >&2; exit 1", "\"sh\" ended: no module named torch"},
      Row{"read -r line; exit 0", "\"sh\" ended"},
      Row{"read -r line; echo hello; sleep 60", "answered \"hello\", expected a JSON object"},
      Row{"read -r line; head -c 3000000 /dev/zero; sleep 60", "more than 1048576 bytes"},
      Row{kSilent, "did not answer in time"},
  }));
  ReferenceProcess reference({"sh", "-c", script}, [](std::string_view) {});
  CHECK_THROWS_WITH(reference.ask(Json::object(), script == std::string_view(kSilent) ? 200ms : 10s, kGoOn),
                    ContainsSubstring(message));
}

TEST_CASE("a reference that does not exist cannot be started") {
  CHECK_THROWS_WITH(ReferenceProcess({"no-such-program-anywhere"}, [](std::string_view) {}),
                    ContainsSubstring("cannot start \"no-such-program-anywhere\": No such file"));
}

TEST_CASE("a stop ends the wait for a reference") {
  ReferenceProcess reference({"sh", "-c", "sleep 60"}, [](std::string_view) {});
  const std::atomic<bool> stop{true};
  CHECK_THROWS_AS(reference.ask(Json::object(), 60s, stop), Interrupted);
}

TEST_CASE("every kind of work is measured, in both precisions") {
  const test::TempDir folder;
  write_small_run(folder);
  const auto cells = Json::array({cell("train", "train_step"), cell("train bf16", "train_step", "bf16"),
                                  cell("infer", "inference"), cell("infer bf16", "inference", "bf16"),
                                  cell("stream", "stream")});
  SilentProgress progress;
  const auto result = speed(speed_task(folder, cells, ""), progress, kGoOn);
  REQUIRE(result["cells"].size() == 5);
  for (const auto& row : result["cells"]) {
    INFO(row.dump());
    CHECK(row["p50_ms"].get<double>() > 0);
    CHECK(row["p95_ms"].get<double>() >= row["p50_ms"].get<double>());
    CHECK(row["samples_per_second"].get<double>() ==
          Approx(row["batch_size"].get<double>() / row["p50_ms"].get<double>() * 1e3));
    CHECK(row["gflop"].get<double>() > 0);
    CHECK(row["gemm_peak_share"].get<double>() > 0);
    CHECK(row["reference"].is_null());
    CHECK(row["met"].is_null());
    CHECK(row["loader_share"].is_null() == (row["work"] != "train_step"));
  }
  CHECK(result["cells"][0]["batch_size"] == 8);
  CHECK(result["cells"][4]["batch_size"] == 1);
  CHECK(result["machine"]["gemm_peak_gflop_per_second"].size() == 2);
}

TEST_CASE("generating pictures is measured without data, beside the time of the reference") {
  const test::TempDir folder;
  auto generation = cell("pictures", "generate", "bf16");
  generation["config"] = (test::source_dir() / "configs/image/var_tiny.json").string();
  generation["set"] = {"data.path=nowhere", "data.tokenizer=nowhere"};
  generation["batch_size"] = 3;
  SilentProgress progress;
  const auto task = speed_task(folder, Json::array({compared(generation, 0.5)}), constant_reference(100.0));
  const auto row = speed(task, progress, kGoOn)["cells"][0];
  CHECK(row["batch_size"] == 3);
  CHECK(row["p50_ms"].get<double>() > 0.0);
  CHECK(row["met"] == true);
}

TEST_CASE("shapes are measured without data: the tokens that a mar3d generates, the field of a shape_vae") {
  const auto model = GENERATE(std::string("mar3d"), std::string("shape_vae"));
  const test::TempDir folder;
  auto making = cell("shapes", "generate", GENERATE("fp32", "bf16"));
  making["config"] = (test::source_dir() / "configs/shape3d" / (model + "_tiny.json")).string();
  making["set"] = {"evaluation.resolution=8"};
  if (model == "mar3d") making["set"].push_back("data.tokenizer=nowhere");
  making["batch_size"] = 1;
  SilentProgress progress;
  const auto task = speed_task(folder, Json::array({compared(making, 0.5)}), constant_reference(100.0));
  const auto row = speed(task, progress, kGoOn)["cells"][0];
  CHECK(row["p50_ms"].get<double>() > 0.0);
  CHECK(row["gflop"].get<double>() > 0.0);
  CHECK(row["met"] == true);
}

TEST_CASE("ours is set beside the reference round by round, and the target is checked against the median") {
  const test::TempDir folder;
  write_small_run(folder);
  const auto cells = Json::array({compared(cell("far below", "inference"), 1.0)});
  RecordingProgress progress;
  const auto fast = speed(speed_task(folder, cells, constant_reference(1000.0)), progress, kGoOn)["cells"][0];
  CHECK(fast["reference"]["p50_ms"] == 1e6);
  CHECK(fast["ratio"]["rounds"].size() == 3);
  CHECK(fast["ratio"]["median"].get<double>() < 0.1);
  CHECK(fast["ratio"]["min"].get<double>() <= fast["ratio"]["max"].get<double>());
  CHECK(fast["met"] == true);
  const auto slow = speed(speed_task(folder, cells, constant_reference(1e-9)), progress, kGoOn)["cells"][0];
  CHECK(slow["met"] == false);
  CHECK(progress.warnings.empty());
}

TEST_CASE("a reference that is lost is told of once, and the cells are measured without it") {
  const test::TempDir folder;
  write_small_run(folder);
  const auto cells =
      Json::array({compared(cell("one", "inference"), 1.0), compared(cell("two", "inference"), 1.0)});
  RecordingProgress progress;
  const auto result = speed(speed_task(folder, cells, "echo 'no torch' >&2; exit 1"), progress, kGoOn);
  CHECK(result["cells"][0]["ratio"].is_null());
  CHECK(result["cells"][1]["reference"].is_null());
  CHECK(result["cells"][1]["met"].is_null());
  CHECK(result["cells"][1]["p50_ms"].get<double>() > 0);
  REQUIRE(progress.warnings.size() == 1);
  CHECK_THAT(progress.warnings[0], ContainsSubstring("no torch"));
}

TEST_CASE("a reference that refuses one cell keeps serving the others") {
  const test::TempDir folder;
  write_small_run(folder);
  const auto cells =
      Json::array({compared(cell("step", "train_step"), 1.0), compared(cell("infer", "inference"), 1.0)});
  const std::string script =
      R"(while read -r line; do case "$line" in *train_step*) echo '{"error": "no such model"}';; *) echo '{"seconds": [1.0]}';; esac; done)";
  RecordingProgress progress;
  const auto result = speed(speed_task(folder, cells, script), progress, kGoOn);
  CHECK(result["cells"][0]["ratio"].is_null());
  CHECK(result["cells"][1]["ratio"].is_object());
  REQUIRE(progress.warnings.size() == 1);
  CHECK_THAT(progress.warnings[0], ContainsSubstring("step: no ratio, the reference says: no such model"));
}

TEST_CASE("results are written as Markdown, CSV and JSON") {
  const test::TempDir folder;
  write_small_run(folder);
  auto task = speed_task(folder, Json::array({cell("one", "inference"), cell("other", "inference")}), "");
  task.only = {"one"};
  task.out = folder / "out";
  SilentProgress progress;
  const auto result = speed(task, progress, kGoOn);
  CHECK(test::read_file(task.out / "table.md") == result["markdown"].get<std::string>());
  CHECK(Json::parse(test::read_file(task.out / "table.json")) == result);
  CHECK_THAT(test::read_file(task.out / "table.csv"), ContainsSubstring("\none,"));
}

TEST_CASE("a suite that is stopped leaves the cells that it has finished") {
  const test::TempDir folder;
  write_small_run(folder);
  auto task = speed_task(folder, Json::array({cell("first", "inference"), cell("second", "inference")}), "");
  task.out = folder / "out";
  std::atomic<bool> stop{false};
  // A cell has three rounds.
  test::SteppingProgress progress([&](int64_t steps) { stop = steps >= 4; });
  CHECK_THROWS_AS(speed(task, progress, stop), Interrupted);
  const auto written = Json::parse(test::read_file(task.out / "table.json"));
  REQUIRE(written["cells"].size() == 1);
  CHECK(written["cells"][0]["name"] == "first");
  CHECK(written["cells"][0]["gemm_peak_share"].get<double>() > 0.0);
}

TEST_CASE("a cell without its data is skipped with a warning") {
  const test::TempDir folder;
  write_small_run(folder);
  auto gone = cell("gone", "inference");
  gone["set"] = {"data.path=missing.csv"};
  RecordingProgress progress;
  const auto result = speed(speed_task(folder, Json::array({gone}), ""), progress, kGoOn);
  CHECK_THAT(result["cells"][0]["skipped"].get<std::string>(), ContainsSubstring("missing.csv is not there"));
  CHECK_THAT(result["markdown"].get<std::string>(), ContainsSubstring("missing.csv"));
  CHECK(progress.warnings.size() == 1);
}

TEST_CASE("a dry run of the committed suite lists its cells") {
  const auto path = test::source_dir() / "configs" / "bench" / "speed_forecast.json";
  plan::SpeedTask task{{}, Config::load(path), path.parent_path(), {}, {"stream"}, true};
  SilentProgress progress;
  const auto result = speed(task, progress, kGoOn);
  CHECK(result["plan"]["cells"] == Json::array({"iTransformer single window, forecast --stream"}));
  task.only = {"no cell"};
  CHECK_THROWS_WITH(speed(task, progress, kGoOn), ContainsSubstring("no cell's name contains \"no cell\""));
}
