// Tables in Parquet and Arrow files, with the real program. All but the last test need the plug-in, which a
// plain build does not have: scripts/check.sh --arrow builds and runs them.

#include "cli/refusal.h"
#include "io/csv.h"

using namespace arzoo;
using namespace arzoo::test;

namespace {

bool has_arrow() { return fs::exists(fs::path(ARZOO_BINARY).parent_path() / "libarzoo_arrow.so"); }

/// The built program beside the tables of scripts/reference/arrow_tables.py.
struct TableProgram : Program {
  TableProgram() : Program(Library::built) {
    for (const auto& entry : fs::directory_iterator(test::source_dir() / "tests/fixtures/arrow"))
      fs::copy_file(entry.path(), files() / entry.path().filename());
  }
  Ended forecast(std::vector<std::string> more) const {
    more.insert(more.begin(), {"forecast", "--model", "ets", "--threads", "1", "--quiet"});
    return (*this)(more);
  }
  /// What a forecast of an input writes.
  std::string forecast_of(const std::string& input, std::vector<std::string> more) const {
    more.insert(more.end(), {"--input", input, "--output", "out.csv"});
    const auto ended = forecast(more);
    INFO(ended.err);
    REQUIRE(ended.code == 0);
    return read_file(files() / "out.csv");
  }
};

const std::vector<std::string> kForms{".parquet", ".feather", ".arrow", "_stream.arrow"};

}  // namespace

TEST_CASE("a table forecasts the same to the last byte from CSV, Parquet, Feather, Arrow and its stream") {
  if (!has_arrow()) return;
  const TableProgram arzoo;
  for (const auto& [name, options] : std::map<std::string, std::vector<std::string>>{
           {"sales", {"--horizon", "7", "--level", "80", "--missing", "interpolate"}},
           {"temperatures", {"--horizon", "24", "--quantiles", "0.1,0.9"}}}) {
    const auto expected = arzoo.forecast_of(name + ".csv", options);
    for (const auto& form : kForms) {
      INFO(name << form);
      auto text = arzoo.forecast_of(name + form, options);
      // A wide table's series bear the columns' names, a long one's their own: none bears the file's.
      CHECK(text == expected);
    }
  }
}

TEST_CASE("a forecast into Parquet, Arrow and Feather files holds the cells of one into CSV") {
  if (!has_arrow()) return;
  const TableProgram arzoo;
  const auto form = GENERATE(as<std::string>(), "parquet", "arrow", "feather");
  for (const auto& name : {"sales.parquet", "temperatures.parquet"}) {
    arzoo.forecast_of(name, {"--horizon", "3", "--missing", "ffill"});
    const auto ended =
        arzoo.forecast({"--input", name, "--output", "out." + form, "--horizon", "3", "--missing", "ffill"});
    INFO(ended.err);
    REQUIRE(ended.code == 0);
    const auto csv = io::CsvTable::read(arzoo.files() / "out.csv");
    const auto packed = io::CsvTable::read(arzoo.files() / ("out." + form));
    REQUIRE(packed.column_names() == csv.column_names());
    REQUIRE(packed.rows() == csv.rows());
    for (std::size_t row = 0; row < csv.rows(); ++row) {
      for (std::size_t column = 0; column < csv.columns(); ++column) {
        // What a spreadsheet would take for a formula is marked in CSV alone.
        const auto text = csv.cell(row, column);
        CHECK(packed.cell(row, column) == (text.starts_with("'=") ? text.substr(1) : text));
      }
    }
  }
}

TEST_CASE("a table of the future may be Parquet, and a step that it lacks is named") {
  if (!has_arrow()) return;
  const TableProgram arzoo;
  std::string csv = "unique_id,ds,price\n";
  const std::vector<std::string> stores{"north", "\"south, \"\"old\"\"\"", "=east"}, first{"05", "06", "07"};
  for (std::size_t store = 0; store < 3; ++store) {
    for (int day = 0; day < 3; ++day)
      csv += fmt::format("{},2024-02-{:02},1.79\n", stores[store], std::stoi(first[store]) + day);
  }
  arzoo.write("future.csv", csv);
  const std::vector<std::string> options{"--horizon", "3",      "--missing", "ffill",     "--targets",
                                         "y",         "--xreg", "--future",  "future.csv"};
  const auto expected = arzoo.forecast_of("sales.csv", options);
  CHECK(arzoo.forecast_of("sales.parquet", options) == expected);
  auto refused = options;
  refused.insert(refused.begin(), {"forecast", "--model", "ets", "--threads", "1", "--quiet", "--input",
                                   "sales.parquet", "--output", "new.csv"});
  const auto at = csv.find("north,2024-02-05");
  arzoo.write("future.csv", csv.substr(0, at) + csv.substr(csv.find('\n', at) + 1));
  check_refused(arzoo, refused, 3,
                "future.csv: series \"north\": no row for 2024-02-05, expected one for each of the 3 steps, "
                "2024-02-05 to 2024-02-07");
}

TEST_CASE("columns that are no numbers, cut files and foreign ones are refused by name") {
  if (!has_arrow()) return;
  const TableProgram arzoo;
  const auto refused = [&](const std::string& input, const std::vector<std::string>& more,
                           const std::string& message) {
    std::vector<std::string> words{"forecast", "--model",   "ets", "--input",   input, "--output",
                                   "new.csv",  "--horizon", "3",   "--threads", "1",   "--quiet"};
    words.insert(words.end(), more.begin(), more.end());
    check_refused(arzoo, words, 3, message);
  };
  refused("types.parquet", {"--columns", "half,list"},
          "types.parquet:2: column \"list\": \"list<element: int64>\" is not a number (list the numeric "
          "columns with --columns)");
  const auto whole = read_file(arzoo.files() / "sales.parquet");
  arzoo.write("cut.parquet", whole.substr(0, whole.size() / 2));
  refused("cut.parquet", {}, "cut.parquet: Parquet magic bytes not found in footer…");
  const auto ipc = read_file(arzoo.files() / "sales.arrow");
  arzoo.write("cut.arrow", ipc.substr(0, ipc.size() / 2));
  refused("cut.arrow", {}, "cut.arrow: …");
  arzoo.write("text.parquet", "unique_id,ds,y\n");
  refused("text.parquet", {}, "text.parquet: is neither a Parquet nor an Arrow IPC file");
}

TEST_CASE("training reads Parquet as it reads CSV") {
  if (!has_arrow()) return;
  const TableProgram arzoo;
  arzoo.write("config.json", kTinyConfig);
  for (const auto& [path, out] :
       {std::pair("temperatures.csv", "csv"), std::pair("temperatures.parquet", "packed")}) {
    const auto ended = arzoo({"train", "config.json", "--set", std::string("data.path=") + path, "--out", out,
                              "--threads", "1", "--quiet"});
    INFO(ended.err);
    REQUIRE(ended.code == 0);
  }
  CHECK(read_file(arzoo.files() / "csv/model/model.safetensors") ==
        read_file(arzoo.files() / "packed/model/model.safetensors"));
}

TEST_CASE("without the plug-in a Parquet file is answered with the way to get it") {
  // The built program in a folder that has all of its libraries but the plug-in.
  const TempDir folder;
  for (const auto& entry : fs::directory_iterator(fs::path(ARZOO_BINARY).parent_path())) {
    const auto name = entry.path().filename();
    if (name.extension() == ".so" && name != "libarzoo_arrow.so")
      fs::create_symlink(entry.path(), folder / name.string());
  }
  fs::copy_file(ARZOO_BINARY, folder / "arzoo");
  const TableProgram arzoo;
  for (const auto& [input, output] :
       {std::pair("sales.parquet", "out.csv"), std::pair("sales.csv", "out.parquet")}) {
    const auto ended =
        arzoo.call((folder / "arzoo").string(), {"forecast", "--model", "ets", "--horizon", "3", "--input",
                                                 input, "--output", output, "--missing", "ffill", "--quiet"});
    CHECK(ended.code == 3);
    CHECK_THAT(
        ended.err,
        ContainsSubstring(".parquet: needs the plug-in libarzoo_arrow.so, which this arzoo lacks (build it "
                          "with scripts/setup.sh --arrow, or save the table as CSV)\n"));
    CHECK_FALSE(fs::exists(arzoo.files() / output));
  }
}
