#include "cli/refusal.h"

using namespace arzoo;
using namespace arzoo::test;

namespace {

/// Line 52 of series.csv, the row of 2020-01-03 02:00:00.
constexpr std::size_t kRow = 50;

std::vector<std::string> good_lines() {
  std::vector<std::string> lines;
  std::istringstream text(wide_csv(hourly_table(TrainedProgram::kRows, {"a", "b"})));
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + '\n';
  return text;
}

/// series.csv with line 52 replaced.
std::string with_row(const std::string& line) {
  auto lines = good_lines();
  lines.at(kRow + 1) = line;
  return joined(lines);
}

std::string with_header(const std::string& header) {
  auto lines = good_lines();
  lines.front() = header;
  return joined(lines);
}

std::string first_lines(std::size_t count) {
  auto lines = good_lines();
  lines.resize(count);
  return joined(lines);
}

/// Cells of column a emptied in these rows.
std::string with_gaps(const std::vector<std::size_t>& rows) {
  auto lines = good_lines();
  for (const auto row : rows) {
    auto& line = lines.at(row + 1);
    const auto comma = line.find(',');
    line.erase(comma + 1, line.find(',', comma + 1) - comma - 1);
  }
  return joined(lines);
}

struct BadFile {
  std::string what, text, train;
  /// Empty: both commands read the file by the same code, and training shows it.
  std::string forecast = {};
};

std::vector<BadFile> bad_files() {
  auto without_row = good_lines();
  without_row.erase(without_row.begin() + kRow + 1);
  return {
      {"empty", "", "bad.csv: is empty, expected a header line"},
      {"blank lines alone", "\n\n \n", "bad.csv: is empty, expected a header line"},
      {"header alone", "date,a,b\n",
       "bad.csv:1: has a header but no rows, expected one row per time step below it"},
      {"no header", joined({"2020-01-01,1,2", "2020-01-02,1,2"}),
       R"(bad.csv:1: the first line holds data ("2020-01-01", "1", "2"), expected the columns' names)"},
      {"a row of more cells", with_row("2020-01-03 02:00:00,1,2,3"),
       "bad.csv:52: 4 cells, expected 3 as in the header (a cell that holds the delimiter must be quoted)",
       "bad.csv:52: 4 cells, expected 3 as in the header (a cell that holds the delimiter must be quoted)"},
      {"a row of fewer cells", with_row("2020-01-03 02:00:00,1"),
       "bad.csv:52: 2 cells, expected 3 as in the header"},
      {"text among numbers", with_row("2020-01-03 02:00:00,oops,2"),
       R"(bad.csv:52: column "a": "oops" is not a number (list the numeric columns with data.columns))",
       R"(bad.csv:52: column "a": "oops" is not a number (list the numeric columns with --columns))"},
      {"an infinite number", with_row("2020-01-03 02:00:00,1,inf"),
       R"(bad.csv:52: column "b": "inf" is infinite, expected a finite number (leave the cell empty if unknown))"},
      {"no date", with_row("yesterday,1,2"),
       R"(bad.csv:52: column "date": "yesterday" is not a date written YYYY-MM-DD hh:mm:ss, as )"
       R"("2020-01-01 00:00:00" in line 2 is)"},
      {"a stamp twice", with_row("2020-01-01 10:00:00,1,2"),
       "bad.csv:52: the stamp 2020-01-01 10:00:00 repeats line 12, expected one row per stamp (remove one; "
       "data.resample combines the rows of an hour in which the clock was set back; a file of several series "
       "needs a column that names them)"},
      {"unsorted", with_row("2019-01-01 10:00:00,1,2"),
       "bad.csv:52: 2019-01-01 10:00:00 comes after the later 2020-01-03 01:00:00 of line 51 (sort the rows "
       "by "
       "the date column)"},
      {"off the regular step", with_row("2020-01-03 02:17:00,1,2"),
       "bad.csv:52: 2020-01-03 02:17:00 follows 2020-01-03 01:00:00 (line 51), expected a step of 1h "
       "(resample "
       "to a regular step, or give another frequency with data.freq)"},
      {"a row missing", joined(without_row),
       "bad.csv:52: 2020-01-03 03:00:00 follows 2020-01-03 01:00:00 (line 51), expected a step of 1h: 1 row "
       "is "
       "missing (fill with data.missing ffill or interpolate, or give the frequency with data.freq)"},
      {"too few rows", first_lines(11),
       "bad.csv: the longest series has 10 rows, too few to train: its training share must hold seq_len + "
       "pred_len = 16 rows (give it more rows, or choose shorter lengths)",
       R"(bad.csv: series "bad" has 10 rows, the model needs a context of 12 (seq_len; give it more rows, )"
       "lengthen it with --pad-short, or train with a shorter one)"},
      {"gaps", with_gaps({50, 51, 70}),
       R"(bad.csv:52: column "a": missing value, the first of 3 (fill with data.missing ffill or interpolate))",
       R"(bad.csv:52: column "a": missing value, the first of 3 (fill with --missing ffill or interpolate))"},
      {"Latin-1", with_header("date,a,\xE9"),
       "bad.csv:1: byte 0xe9 at offset 7 is not UTF-8 text (save the file as UTF-8)"},
      {"UTF-16", "\xFF\xFE" + std::string("d\0a\0", 4),
       "bad.csv:1: is UTF-16 text, expected UTF-8 (save the file as UTF-8)"},
      {"Parquet by another name", std::string("PAR1\x15\0PAR1", 10),
       "bad.csv: is a Parquet file, expected CSV text (it is read from a file whose name ends in .parquet)"},
      {"Arrow by another name", std::string("ARROW1\0\0", 8),
       "bad.csv: is an Arrow IPC file, expected CSV text (it is read from a file whose name ends in .arrow)"},
      {"zero bytes", std::string(64, '\0'),
       "bad.csv:1: byte 0x00 at offset 0 is not UTF-8 text (save the file as UTF-8)"},
      {"an open quote", with_row("\"2020-01-03 02:00:00,1,2"),
       "bad.csv:52: a quote opens here and never closes"},
      {"two columns of one name", with_header("date,a,a"),
       R"(bad.csv:1: columns 2 and 3 are both named "a", expected different names)"},
      {"cut gzip", std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b", 11),
       "bad.csv: gzip data ends too early: the file is cut"},
  };
}

}  // namespace

TEST_CASE("a data file that cannot be used is named with its line, and nothing is written") {
  const TrainedProgram arzoo;
  arzoo.write("out.csv", "an older forecast\n");
  for (const auto& bad : bad_files()) {
    CAPTURE(bad.what);
    arzoo.write("bad.csv", bad.text);
    check_refused(arzoo, {"train", "config.json", "--set", "data.path=bad.csv", "--out", "new"}, 3,
                  bad.train);
    CHECK_FALSE(fs::exists(arzoo.files() / "new"));
    if (bad.forecast.empty()) continue;
    check_refused(arzoo, {"forecast", "--model", "run", "--input", "bad.csv", "--output", "out.csv"}, 3,
                  bad.forecast);
  }
}

TEST_CASE("a file that is not there is named") {
  const TrainedProgram arzoo;
  check_refused(arzoo, {"train", "config.json", "--set", "data.path=absent.csv", "--out", "new"}, 3,
                "absent.csv: cannot be opened: No such file or directory");
  check_refused(arzoo, {"train", "config.json", "--set", "data.path=run", "--out", "new"}, 3,
                "run: no .csv, .csv.gz, .parquet, .arrow or .feather file in this folder");
}

TEST_CASE("a model forecasts no variate that it was not trained on, and none may be missing") {
  const TrainedProgram arzoo;
  arzoo.write("out.csv", "an older forecast\n");
  const auto check_variates = [&](const std::string& header, const std::string& message) {
    arzoo.write("other.csv", with_header(header));
    check_refused(arzoo,
                  {"forecast", "--model", "run", "--input", "series.csv", "other.csv", "--output", "out.csv"},
                  3, message);
  };
  check_variates("date,a,z", R"(other.csv: the model was not trained on the variate "z"; it knows "a", "b" )"
                             "(choose others with --columns, or train on it)");
  check_variates(
      "date,a,\x1b[2J\xE2\x82\xAC",
      "other.csv: the model was not trained on the variate \" [2J\xE2\x82\xAC\"; it knows \"a\", \"b\" "
      "(choose others with --columns, or train on it)");
  arzoo.write("other.csv", "date,a\n2020-01-01,1\n2020-01-02,2\n");
  check_refused(arzoo, {"forecast", "--model", "run", "--input", "other.csv", "--output", "out.csv"}, 3,
                R"(other.csv: 1 variates, the model expects 2 (missing: "b"))");
}

TEST_CASE("gaps are filled by the policies that say so, and counted") {
  const TrainedProgram arzoo;
  arzoo.write("gaps.csv", with_gaps({50, 51, 70}));
  const auto [policy, note] = GENERATE(table<std::string, std::string>({
      {"ffill", "gaps: 3 missing cells in \"a\" filled with the value before\n"},
      {"interpolate", "gaps: 3 missing cells in \"a\" interpolated\n"},
  }));
  const auto trained = arzoo({"train", "config.json", "--set", "data.path=gaps.csv", "--set",
                              "data.missing=" + policy, "--out", "new"});
  CHECK(trained.code == 0);
  CHECK_THAT(trained.err, ContainsSubstring(note));
  const auto forecast = arzoo(
      {"forecast", "--model", "run", "--input", "gaps.csv", "--output", "out.csv", "--missing", policy});
  CHECK(forecast.code == 0);
  CHECK(forecast.err == note);
  CHECK(io::CsvTable::read(arzoo.files() / "out.csv").rows() == 8);
}

TEST_CASE("a header of 300,000 columns is answered in a moment") {
  constexpr int kColumns = 300'000;
  std::string header = "date", row = "2020-01-01";
  for (int i = 0; i < kColumns; ++i) {
    header += ",c" + std::to_string(i);
    row += ",1";
  }
  const TrainedProgram arzoo;
  const auto check_wide = [&](const std::string& text, const std::string& train,
                              const std::string& forecast) {
    arzoo.write("wide.csv", text);
    check_refused(arzoo, {"train", "config.json", "--set", "data.path=wide.csv", "--out", "new"}, 3, train);
    check_refused(arzoo, {"forecast", "--model", "run", "--input", "wide.csv", "--output", "out.csv"}, 3,
                  forecast);
  };
  const std::string cut = "wide.csv:2: 2 cells, expected 300001 as in the header";
  check_wide(header + "\n2020-01-01,1\n", cut, cut);
  check_wide(
      header + '\n' + row + "\n2020-01-02" + row.substr(10) + '\n',
      "wide.csv: the longest series has 2 rows, too few to train: its training share must hold seq_len + "
      "pred_len = 16 rows (give it more rows, or choose shorter lengths)",
      "wide.csv: the model was not trained on the variate \"c0\"; it knows \"a\", \"b\" (choose others with "
      "--columns, or "
      "train on it)");
}
