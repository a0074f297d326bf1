// Cells of a bench table that train nothing.

#include "forecast/zero_shot.h"

#include "support/series.h"
#include "support/tasks.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

struct Setup {
  TempDir temp;
  Json suite = {{"title", "small"}, {"cells", Json::array()}};

  Setup() { temp.write("waves.csv", test::wide_csv(test::hourly_table(400, {"a", "b"}))); }

  void add(const std::string& name, const Json& options) {
    Json cell{{"name", name}, {"data", "waves.csv"}, {"context", 48}, {"horizon", 8}};
    cell.merge_patch(options);
    suite["cells"].push_back(cell);
  }
  Json run(RecordingProgress& progress) {
    plan::TableTask task{.compute = {.device = "cpu", .seed = {}, .quantize = {}},
                         .suite = Config(suite, "suite.json"),
                         .folder = temp.path(),
                         .out = temp / "out",
                         .only = {}};
    return tasks::table(task, progress, test::kNeverStop);
  }
  Json run() {
    RecordingProgress progress;
    return run(progress);
  }
};

/// A tiny Time-MoE in official form, beside the suite.
void train_model(const Setup& setup, const std::string& name) {
  std::string sequence = "[";
  for (int hour = 0; hour < 100; ++hour)
    sequence += fmt::format("{}{}", hour > 0 ? "," : "", test::wave(hour, 0));
  Json config = Json::parse(R"({
    "model": {"name": "time_moe", "hidden_size": 8, "intermediate_size": 8, "horizon_lengths": [1, 8],
              "num_hidden_layers": 1, "num_attention_heads": 2, "num_experts": 2},
    "data": {"sequences": {"max_length": 24, "validation": 0}},
    "training": {"epochs": 1, "batch_size": 4}})");
  config["data"]["sequences"]["path"] = setup.temp.write("train.jsonl", sequence + "]\n").string();
  test::train(config, setup.temp / name);
}

}  // namespace

TEST_CASE("baselines stand in one table: a daily rhythm is naive's, a linear map forecasts it better") {
  Setup setup;
  setup.add("naive", {{"baseline", "seasonal_naive"}});
  setup.add("linear", {{"baseline", "linear"}, {"published", {{"mse", 0.5}}}});
  const auto rows = setup.run()["rows"];
  REQUIRE(rows.size() == 4);
  CHECK(rows[0]["cell"] == "naive");
  CHECK(rows[2]["metric"] == "mse");
  CHECK(rows[2]["published"] == 0.5);
  CHECK(rows[2]["measured"].get<double>() < rows[0]["measured"].get<double>());
}

TEST_CASE("a linear map can be fitted on what a training config names instead of the file itself") {
  Setup setup;
  setup.temp.write("other.csv", test::wide_csv(test::hourly_table(300, {"x"}, 77)));
  setup.temp.write("train.json", R"({"model": {"name": "time_moe"}, "data": {"sources": [{"path": ")" +
                                     (setup.temp / "other.csv").string() + R"("}], "marks": false}})");
  setup.add("own", {{"baseline", "linear"}});
  setup.add("other", {{"baseline", "linear"}, {"fit", "train.json"}});
  const auto rows = setup.run()["rows"];
  CHECK(rows[0]["measured"] != rows[2]["measured"]);
  CHECK(rows[2]["measured"].get<double>() < 2.0);
}

TEST_CASE("a model's cell runs from a folder that the suite names, in both scales, and is kept") {
  Setup setup;
  train_model(setup, "base");
  setup.suite["models"] = {{"Base", "base"}};
  setup.add("official", {{"model", "Base"}});
  setup.add("by_context", {{"model", "Base"}, {"scale", "context"}, {"max_windows", 20}});
  const auto first = setup.run();
  const auto rows = first["rows"];
  REQUIRE(rows.size() == 4);
  CHECK(rows[0]["measured"].get<double>() > 0);
  CHECK(rows[0]["measured"] != rows[2]["measured"]);
  RecordingProgress again;
  CHECK(setup.run(again) == first);
  CHECK(again.phases.empty());
}

TEST_CASE("a file that is not there is named exactly, and the other cells run") {
  Setup setup;
  setup.add("no model", {{"model", "TimeMoE-50M"}});
  setup.add("no data", {{"baseline", "seasonal_naive"}, {"data", "ETTm1.csv"}});
  setup.add("naive", {{"baseline", "seasonal_naive"}, {"published", {{"mse", 1.0}}}});
  setup.suite["cells"][0]["published"] = {{"mse", 0.357}};
  RecordingProgress progress;
  const auto rows = setup.run(progress)["rows"];
  REQUIRE(progress.warnings.size() == 2);
  CHECK_THAT(progress.warnings[0], ContainsSubstring((setup.temp / "TimeMoE-50M/config.json").string()));
  CHECK_THAT(progress.warnings[1], ContainsSubstring((setup.temp / "ETTm1.csv").string()));
  CHECK_THAT(rows[0]["note"].get<std::string>(), ContainsSubstring("config.json is not there"));
  CHECK_THAT(rows[1]["note"].get<std::string>(), ContainsSubstring("ETTm1.csv is not there"));
  CHECK(rows[2]["measured"].is_number());
}

TEST_CASE("a published number stands beside its source, and the suite's word below the table") {
  Setup setup;
  setup.suite["source"] = "Some paper, its appendix";
  setup.add("naive", {{"baseline", "seasonal_naive"}, {"published", {{"mse", 1.0}}}, {"source", "Table 7"}});
  const auto result = setup.run();
  for (const auto& row : result["rows"])
    CHECK(row["source"] == (row["metric"] == "mse" ? Json("Table 7") : Json(nullptr)));
  CHECK_THAT(test::read_file(setup.temp / "out/table.md"),
             ContainsSubstring("Table 7") && ContainsSubstring("\nSome paper, its appendix\n"));
}

TEST_CASE("every published number of the suites that come along has its source") {
  int64_t numbers = 0;
  for (const auto& entry : fs::directory_iterator(test::source_dir() / "configs/bench")) {
    if (entry.path().extension() != ".json") continue;
    for (const auto& cell : Config::load(entry.path()).at("cells").elements()) {
      if (!cell.has("published")) continue;
      INFO(entry.path() << " " << cell.text("name"));
      CHECK_FALSE(cell.section("published").members().empty());
      REQUIRE(cell.has("source"));
      CHECK(cell.text("source").size() > 10);
      ++numbers;
    }
  }
  CHECK(numbers > 100);
}

TEST_CASE("a cell that says nothing, too much or the impossible is refused") {
  const auto [options, text] = GENERATE(table<std::string, std::string>(
      {{"{}", "/cells/0: exactly one of model and baseline"},
       {R"({"baseline": "naive"})", "/cells/0/baseline"},
       {R"({"baseline": "linear", "contxt": 3})", "did you mean \"context\""},
       {R"({"baseline": "seasonal_naive", "season": 99})", "season (99) must not exceed context (48)"}}));
  Setup setup;
  setup.add("cell", Json::parse(options));
  INFO(text);
  CHECK_THROWS_WITH(setup.run(), ContainsSubstring(text));
}

TEST_CASE("a file that is too short for a cell fails the cell by name") {
  Setup setup;
  setup.add("long", {{"baseline", "seasonal_naive"}, {"context", 500}});
  const auto errors = setup.run()["errors"];
  REQUIRE(errors.size() == 1);
  CHECK_THAT(errors[0]["error"].get<std::string>(), ContainsSubstring("hold no test window of context 500"));
}

TEST_CASE(
    "all scores of a cell are the errors over the seasonal naive one, and quantile losses where there are "
    "any") {
  Setup setup;
  setup.suite["models"]["bolt"] =
      (test::source_dir() / "tests/fixtures/chronos_bolt/predict_series/hub").string();
  setup.add("naive", {{"baseline", "seasonal_naive"}, {"scores", "all"}});
  setup.add("bolt", {{"model", "bolt"}, {"scores", "all"}, {"context", 32}});
  setup.add("bolt, by context",
            {{"model", "bolt"}, {"scores", "all"}, {"context", 32}, {"scale", "context"}});
  const auto rows = setup.run()["rows"];
  std::map<std::string, std::map<std::string, double>> found;
  for (const auto& row : rows) found[row["cell"]][row["metric"]] = row["measured"].get<double>();
  CHECK(found["naive"].size() == 3);
  // A daily rhythm: the naive forecast's error is what it is divided by, but for other rows.
  CHECK(found["naive"]["mase"] == Approx(1.0).epsilon(0.1));
  for (const char* cell : {"bolt", "bolt, by context"}) {
    CHECK(found[cell].size() == 5);
    CHECK(found[cell]["mase"] > 0.0);
    CHECK(found[cell]["sql"] > 0.0);
    CHECK(found[cell]["wql"] > 0.0);
  }
}
