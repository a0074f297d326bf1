#include "forecast/data/series_sources.h"

#include <numeric>
#include <set>

#include "forecast/data/series_data.h"
#include "support/series.h"

using namespace arzoo;
using forecast::DataOptions;
using forecast::SeriesData;
using forecast::SourceOptions;
using forecast::SourceTable;
using runtime::Split;
using test::hourly_table;
using test::TempDir;

namespace {

SourceOptions source(const std::filesystem::path& path, const std::string& kind = "ratio") {
  SourceOptions options;
  options.path = path.string();
  options.split.kind = kind;
  return options;
}

DataOptions mixture(std::vector<SourceOptions> sources) {
  DataOptions options;
  options.sources = std::move(sources);
  options.marks = false;
  options.seq_len = 6;
  options.label_len = 0;
  options.pred_len = 4;
  return options;
}

io::SeriesTable named(const std::string& name, int64_t rows, std::vector<std::string> variates) {
  auto table = hourly_table(rows, std::move(variates));
  table.unique_id = table.source = name;
  return table;
}

std::vector<SourceTable> two_tables() {
  return {{named("long", 100, {"a", "b"}), {}},
          {named("short", 40, {"x"}), {.kind = "ratio", .train = 0.5, .test = 0.25}}};
}

std::vector<std::string> ids_of(const std::vector<SourceTable>& tables) {
  std::vector<std::string> ids;
  for (const auto& [table, split] : tables) ids.push_back(table.unique_id);
  return ids;
}

}  // namespace

TEST_CASE("sources are read in their order, a folder's CSV files by name, each with its own split") {
  const TempDir temp;
  const auto one = temp.write("one.csv", test::wide_csv(hourly_table(30)));
  temp.write("more/b.csv", test::wide_csv(hourly_table(20, {"v"})));
  temp.write("more/a.csv", test::wide_csv(hourly_table(25, {"w", "x"})));
  temp.write("more/readme.txt", "no series");
  std::vector<std::string> notes;
  const auto tables =
      forecast::read_sources(mixture({source(temp / "more", "ett_hour"), source(one)}), notes);
  REQUIRE(tables.size() == 3);
  CHECK(tables[0].table.variates == std::vector<std::string>{"w", "x"});
  CHECK(tables[1].table.variates == std::vector<std::string>{"v"});
  CHECK(tables[2].table.rows() == 30);
  CHECK(tables[1].split.kind == "ett_hour");
  CHECK(tables[2].split.kind == "ratio");
}

TEST_CASE("a path alone is its file and no more") {
  const TempDir temp;
  DataOptions options;
  options.path = temp.write("one.csv", test::wide_csv(hourly_table(30))).string();
  std::vector<std::string> notes;
  CHECK(ids_of(forecast::read_sources(options, notes)).size() == 1);
}

TEST_CASE("an empty folder, a missing file and a name that comes twice are data errors") {
  const TempDir temp;
  std::vector<std::string> notes;
  std::filesystem::create_directories(temp / "none");
  CHECK_THROWS_WITH(forecast::read_sources(mixture({source(temp / "none")}), notes),
                    ContainsSubstring("no .csv"));
  CHECK_THROWS_AS(forecast::read_sources(mixture({source(temp / "gone.csv")}), notes), Error);
  const auto a = temp.write("a/same.csv", test::wide_csv(hourly_table(30))),
             b = temp.write("b/same.csv", test::wide_csv(hourly_table(30)));
  CHECK_THROWS_WITH(forecast::read_sources(mixture({source(a), source(b)}), notes),
                    ContainsSubstring("distinct names"));
}

TEST_CASE("in a mixture every variate is a series with its own scaler and its file's split") {
  const SeriesData data(two_tables(), mixture({source("unused")}));
  REQUIRE(data.series().size() == 3);
  CHECK(data.series()[1].unique_id == "long/b");
  CHECK(data.series()[2].unique_id == "short/x");
  CHECK(data.variates() == std::vector<std::string>{"value"});
  CHECK(data.shape().enc_in == 1);
  CHECK(data.series()[0].scaler.mean[0] != data.series()[1].scaler.mean[0]);
  // 70 rows of the long file train, 20 of the short one.
  CHECK(data.windows(Split::train) == 2 * 61 + 11);
  CHECK(data.series()[0].stamps == data.series()[1].stamps);
}

TEST_CASE("the items of a mixture are every window of every variate, once") {
  const SeriesData data(two_tables(), mixture({source("unused")}));
  std::vector<int64_t> all(data.windows(Split::train));
  std::iota(all.begin(), all.end(), int64_t{0});
  const auto batch = data.batch(Split::train, all);
  CHECK(batch.x_enc.sizes() == at::IntArrayRef({133, 6, 1}));
  CHECK(batch.target.sizes() == at::IntArrayRef({133, 4, 1}));
  CHECK_FALSE(batch.x_mark_enc.defined());
  std::set<std::vector<float>> distinct;
  for (int64_t i = 0; i < batch.x_enc.size(0); ++i) {
    const auto window = batch.x_enc[i].contiguous();
    distinct.emplace(window.const_data_ptr<float>(), window.const_data_ptr<float>() + 6);
  }
  CHECK(distinct.size() == 133);
  CHECK(at::equal(batch.x_enc[61], data.series()[1].values.narrow(0, 0, 6)));
}

TEST_CASE("a mixture is stated completely or not at all") {
  const auto error = [](const char* text) {
    try {
      Config::parse(text, "a.json").as<DataOptions>();
      return std::string("none");
    } catch (const ConfigError& problem) {
      return std::string(problem.what());
    }
  };
  CHECK(error(R"({"sources": [{"path": "a.csv"}], "marks": false})") == "none");
  CHECK_THAT(error("{}"), ContainsSubstring("path is empty, expected the CSV file to train on"));
  CHECK_THAT(error(R"({"sources": [{}], "marks": false})"), ContainsSubstring("/sources/0: path is empty"));
  CHECK_THAT(error(R"({"sources": [{"path": "a.csv"}]})"), ContainsSubstring("marks must be false"));
  CHECK_THAT(error(R"({"path": "b.csv", "sources": [{"path": "a.csv"}], "marks": false})"),
             ContainsSubstring("cannot be given together"));
  CHECK_THAT(error(R"({"sources": [{"path": "a.csv"}], "marks": false, "features": "MS"})"),
             ContainsSubstring("features and target do not apply"));
  CHECK_THAT(error(R"({"sources": [{"pth": "a.csv"}], "marks": false})"),
             ContainsSubstring("/sources/0/pth: unknown key (did you mean \"path\"?)"));
}
