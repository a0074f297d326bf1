// bench table: cells that fail, lack something or are done already beside cells that run.

#include <algorithm>

#include "core/cuda_driver.h"
#include "support/series.h"
#include "support/stepping_progress.h"
#include "support/tasks.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

/// A suite beside waves.csv and a training config on it.
struct TableSetup {
  TempDir temp;
  Json suite = {{"title", "small"}, {"cells", Json::array()}};
  Share share = {};
  plan::ComputeOptions compute{.device = "cpu", .seed = {}, .quantize = {}};

  TableSetup() {
    write_waves(0);
    temp.write("train.json", test::tiny_config("waves.csv").dump());
  }
  void write_waves(int64_t first) const {
    temp.write("waves.csv", test::wide_csv(test::hourly_table(300, {"a", "b"}, first)));
  }
  void add_training(const std::string& name, const std::vector<std::string>& set = {}) {
    suite["cells"].push_back({{"name", name}, {"config", "train.json"}, {"set", set}});
  }
  void add_naive(const std::string& name, const std::string& data = "waves.csv") {
    suite["cells"].push_back(
        {{"name", name}, {"data", data}, {"baseline", "seasonal_naive"}, {"context", 48}, {"horizon", 8}});
  }
  Json run(Progress& progress, const std::atomic<bool>& stop = test::kNeverStop) const {
    const plan::TableTask task{.compute = compute,
                               .suite = Config(suite, "suite.json"),
                               .folder = temp.path(),
                               .out = temp / "out",
                               .only = {},
                               .share = share};
    return tasks::table(task, progress, stop);
  }
  Json run() const {
    SilentProgress progress;
    return run(progress);
  }
  /// What was worked on, when the suite ran again.
  std::size_t phases() const {
    RecordingProgress progress;
    run(progress);
    return progress.phases.size();
  }
};

std::string table_file(const TableSetup& setup, const char* name) {
  return test::read_file(setup.temp / "out" / name);
}

}  // namespace

TEST_CASE("every suite of tables that comes along can be read") {
  SilentProgress progress;
  int64_t tables = 0;
  for (const auto& entry : fs::directory_iterator(test::source_dir() / "configs/bench")) {
    const auto name = entry.path().filename().string();
    if (entry.path().extension() != ".json" || name.rfind("speed_", 0) == 0 || name.rfind("regress_", 0) == 0)
      continue;
    INFO(name);
    const plan::TableTask task{.compute = {.device = "cpu", .seed = {}, .quantize = {}},
                               .suite = Config::load(entry.path()),
                               .folder = entry.path().parent_path(),
                               .out = "out",
                               .only = {},
                               .dry_run = true};
    CHECK_NOTHROW(tasks::table(task, progress, test::kNeverStop));
    ++tables;
  }
  CHECK(tables > 10);
}

TEST_CASE("a cell that fails leaves the others their results, and is told of in all files") {
  TableSetup setup;
  setup.temp.write("broken.csv", "date,a\nnot a date,1\n");
  setup.add_naive("first");
  setup.add_naive("broken", "broken.csv");
  setup.add_naive("last");
  RecordingProgress progress;
  const auto result = setup.run(progress);
  CHECK(result["cells"] == 3);
  CHECK(result["failed"] == 1);
  REQUIRE(result["errors"].size() == 1);
  CHECK(result["errors"][0]["cell"] == "broken");
  CHECK(result["errors"][0]["exit_code"] == 3);
  REQUIRE(progress.warnings.size() == 1);
  CHECK_THAT(progress.warnings[0],
             ContainsSubstring("broken: failed, ") && ContainsSubstring("broken.csv:2"));
  for (const auto& row : result["rows"]) CHECK(row["measured"].is_number() == (row["cell"] != "broken"));
  for (const auto* name : {"table.md", "table.csv", "table.json", "report.html"}) {
    INFO(name);
    CHECK_THAT(table_file(setup, name), ContainsSubstring("failed: "));
    CHECK_THAT(table_file(setup, name), ContainsSubstring("last"));
  }
}

TEST_CASE("a training whose numbers are no longer finite fails alone") {
  TableSetup setup;
  setup.add_training("wild", {"training.learning_rate=1e30", "training.epochs=1"});
  setup.add_naive("naive");
  const auto result = setup.run();
  REQUIRE(result["errors"].size() == 1);
  CHECK_THAT(result["errors"][0]["error"].get<std::string>(), ContainsSubstring("step "));
  CHECK(result["rows"].back()["measured"].is_number());
}

TEST_CASE("a cell without its file is listed in the files, without published numbers too") {
  TableSetup setup;
  setup.add_naive("absent", "ETT/ETTh1.csv");
  setup.add_naive("naive");
  const auto result = setup.run();
  CHECK(result["failed"] == 0);
  REQUIRE(result["skipped"].size() == 1);
  CHECK(result["skipped"][0]["cell"] == "absent");
  for (const auto* name : {"table.md", "table.csv", "table.json", "report.html"}) {
    INFO(name);
    CHECK_THAT(table_file(setup, name),
               ContainsSubstring("ETTh1.csv is not there (scripts/get_data.sh etth1 fetches it)"));
  }
}

TEST_CASE("a suite that asks for it draws its cells' errors against their costs") {
  TableSetup setup;
  setup.add_naive("first/naive");
  setup.add_naive("second/absent", "absent.csv");
  setup.suite["pareto"] = {{"cost", "mse"}, {"error", "mae"}};
  const auto result = setup.run();
  CHECK(result["front"] == Json({"first/naive"}));
  CHECK_THAT(table_file(setup, "pareto.svg"), ContainsSubstring("mae against mse"));
  CHECK_THAT(table_file(setup, "report.html"), ContainsSubstring("mae against mse"));
  setup.suite["pareto"] = {{"cost", "mse"}};
  CHECK_THROWS_WITH(setup.run(), ContainsSubstring("/pareto: cost and error are needed"));
}

TEST_CASE("the shards of a table leave what the whole is made of") {
  TableSetup setup;
  setup.add_naive("naive");
  setup.add_training("trained");
  setup.add_naive("again");
  for (int64_t index = 0; index < 2; ++index) {
    setup.share = {index, 2};
    CHECK(setup.run()["cells"] == index + 1);
    CHECK_FALSE(fs::exists(setup.temp / "out" / "table.md"));
  }
  setup.share = {};
  CHECK(setup.phases() == 0);
  CHECK(setup.run()["cells"] == 3);
}

TEST_CASE("an interrupted table says what goes on with it, and does") {
  TableSetup setup;
  setup.add_naive("naive");
  setup.add_training("trained");
  std::atomic<bool> stop = false;
  int64_t calls = 0;  // one of the naive cell, then one a training step
  test::SteppingProgress progress([&](int64_t) { stop = ++calls >= 5; });
  CHECK_THROWS_WITH(setup.run(progress, stop),
                    "trained: interrupted, finished cells are saved (run the same command to continue)");
  CHECK_THROWS_AS(setup.run(progress, stop), Interrupted);
  const auto result = setup.run();
  TableSetup whole;
  whole.add_naive("naive");
  whole.add_training("trained");
  const auto expected = whole.run();
  REQUIRE(result["rows"].size() == expected["rows"].size());
  for (std::size_t i = 0; i < expected["rows"].size(); ++i)
    CHECK(result["rows"][i]["measured"] == expected["rows"][i]["measured"]);
}

TEST_CASE("what is done is kept as long as the data are the same, whatever the clock of their file says") {
  TableSetup setup;
  setup.add_training("trained");
  setup.add_naive("naive");
  const auto first = setup.run();
  const auto path = setup.temp / "waves.csv";
  const auto written = fs::last_write_time(path);
  fs::last_write_time(path, written + std::chrono::hours(1));
  CHECK(setup.phases() == 0);

  auto text = test::read_file(path);
  const auto digit = text.find_last_of("123456789");
  text[digit] = text[digit] == '1' ? '2' : '1';
  setup.temp.write("waves.csv", text);  // as long as before
  fs::last_write_time(path, written + std::chrono::hours(1));
  CHECK(setup.phases() > 0);
  setup.write_waves(1000);
  const auto changed = setup.run();
  for (std::size_t i = 0; i < first["rows"].size(); ++i) {
    INFO(first["rows"][i]["cell"] << " " << first["rows"][i]["metric"]);
    CHECK(changed["rows"][i]["measured"] != first["rows"][i]["measured"]);
  }
}

TEST_CASE("a result of one device is not taken for another's") {
  TableSetup setup;
  setup.add_training("trained");
  setup.run();
  setup.compute.device = "cuda";
  const auto result = setup.run();
  // Without a GPU the cell cannot be had there.
  if (!has_cuda_driver()) CHECK(result["failed"] == 1);
  if (has_cuda_driver()) CHECK(setup.phases() == 0);
}

TEST_CASE("a cell that names nothing to measure is told what it may name") {
  TableSetup setup;
  setup.suite["cells"].push_back({{"name", "odd"}, {"model", "somewhere"}});
  CHECK_THROWS_WITH(setup.run(), ContainsSubstring("expected one of the keys config, ") &&
                                     ContainsSubstring("data") && ContainsSubstring("pictures") &&
                                     ContainsSubstring("shapes"));
}

TEST_CASE("cells that compare with the same pictures look at them once") {
  TableSetup setup;
  const auto fashion = test::source_dir() / "data/fashion";
  for (const char* name : {"one", "two"}) {
    setup.suite["cells"].push_back({{"name", name},
                                    {"model", (fashion / "vae").string()},
                                    {"pictures", (fashion / "pictures/few-images-idx3-ubyte.gz").string()},
                                    {"features", (fashion / "features").string()},
                                    {"metric_name", "distance"},
                                    {"count", 4}});
  }
  RecordingProgress progress;
  const auto result = setup.run(progress);
  CHECK(result["failed"] == 0);
  const auto phases = [&](std::string_view label) {
    return std::count_if(progress.phases.begin(), progress.phases.end(),
                         [&](const auto& phase) { return phase.label == label; });
  };
  CHECK(phases("real pictures") == 1);
  CHECK(phases("reconstructions") == 2);
}

TEST_CASE("a table takes --seed for the samples of its cells") {
  TableSetup setup;
  setup.add_training("trained");
  const auto first = setup.run();
  setup.compute.seed = 7;
  const auto other = setup.run();
  CHECK(other["rows"][0]["measured"] != first["rows"][0]["measured"]);
  TableSetup same;
  same.add_training("trained", {"seed=7"});
  CHECK(same.run()["rows"][0]["measured"] == other["rows"][0]["measured"]);
}
