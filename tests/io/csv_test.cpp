#include "io/csv.h"

#include <limits>

#include "core/error.h"
#include "support/processor_time.h"
#include "support/test.h"

using namespace arzoo;

namespace {

using Rows = std::vector<std::vector<std::string>>;

/// The header, then each row.
Rows cells(const io::CsvTable& table) {
  Rows all{table.column_names()};
  for (std::size_t row = 0; row < table.rows(); ++row) {
    auto& cells = all.emplace_back();
    for (std::size_t column = 0; column < table.columns(); ++column)
      cells.emplace_back(table.cell(row, column));
  }
  return all;
}

Rows parse_rows(const std::string& text, io::CsvOptions options = {}) {
  return cells(io::CsvTable::parse(text, "x.csv", options));
}

}  // namespace

TEST_CASE("records are split into cells whatever ends the lines") {
  const auto text = GENERATE(as<std::string>{}, "a,b\n1,2\n3,4\n", "a,b\r\n1,2\r\n3,4\r\n", "a,b\r1,2\r3,4\r",
                             "a,b\n1,2\n3,4",
                             "\xEF\xBB\xBF"
                             "a,b\n1,2\n3,4\n",
                             "a,b\n1,2\n3,4\n\n  \n\r\n", "\n\na,b\n1,2\n3,4\n", " a ,b \n1,2\n3,4\n");
  CHECK(parse_rows(text) == Rows{{"a", "b"}, {"1", "2"}, {"3", "4"}});
}

TEST_CASE("quoted cells hold delimiters, line ends and quotes") {
  CHECK(parse_rows("\"a,1\",b\n\"x\"\"y\",\"two\r\nlines\"\n\"\",\"\"\"\"\n") ==
        Rows{{"a,1", "b"}, {"x\"y", "two\r\nlines"}, {"", "\""}});
}

TEST_CASE("a quote inside an unquoted cell stands for itself") {
  CHECK(parse_rows("a,b\n5\" disk,2\n") == Rows{{"a", "b"}, {"5\" disk", "2"}});
}

TEST_CASE("empty cells are cells, at the end of a line and of the file too") {
  CHECK(parse_rows("a,b,c\n,,\n1,,") == Rows{{"a", "b", "c"}, {"", "", ""}, {"1", "", ""}});
}

TEST_CASE("the delimiter is found from the first two records") {
  const auto [text, delimiter] = GENERATE(table<std::string, char>({
      {"a,b\n1,2\n", ','},
      {"a;b\n1,5;2,5\n", ';'},
      {"a\tb,c\td\n1\t2\t3\n", '\t'},
      {"a|b\n1|2\n", '|'},
      {"\"a;b;c\",d\n1,2\n", ','},
      {"only\n1\n", ','},
      {"date time;a\n2016,1;2\n", ';'},
  }));
  CHECK(io::CsvTable::parse(text, "x.csv").delimiter() == delimiter);
}

TEST_CASE("a given delimiter is not guessed") {
  CHECK(parse_rows("a,b;c\n1,2;3\n", {';'}) == Rows{{"a,b", "c"}, {"1,2", "3"}});
}

TEST_CASE("a row knows the line it starts in") {
  const auto table = io::CsvTable::parse("\na,b\n1,\"x\ny\"\r\n\"p\rq\r\nr\",2\n3,4\n", "x.csv");
  CHECK(table.header_line() == 2);
  REQUIRE(table.rows() == 3);
  CHECK(table.line(0) == 3);
  CHECK(table.line(1) == 5);
  CHECK(table.line(2) == 8);
}

TEST_CASE("a header without rows is a table without rows") {
  const auto text = GENERATE(as<std::string>{}, "a,b", "a,b\n", "a,b\r\n\r\n");
  CHECK(io::CsvTable::parse(text, "x.csv").rows() == 0);
}

TEST_CASE("broken files are refused with their line") {
  const auto [text, message] = GENERATE(table<std::string, std::string>({
      {"", "x.csv: is empty, expected a header line"},
      {"\n\n", "x.csv: is empty, expected a header line"},
      {"\xEF\xBB\xBF", "x.csv: is empty"},
      {"a,b\n1,2\n3\n", "x.csv:3: 1 cells, expected 2 as in the header"},
      {"a,b\n1,2,3\n", "x.csv:2: 3 cells, expected 2 as in the header (a cell that holds the delimiter"},
      {"a,b\n1,\"x\ny\"\n3\n", "x.csv:4: 1 cells"},
      {"a,b\n1,2\n\n3,4\n", "x.csv:3: blank line between rows, expected 2 cells"},
      {"a,b\n1,\"2\n3,4\n", "x.csv:2: a quote opens here and never closes"},
      {"a,b\n1,\"2\"3\n", "x.csv:2: text after a closing quote"},
      {"a,b,a\n1,2,3\n", "x.csv:1: columns 1 and 3 are both named \"a\""},
      {"a,,\n1,2,3\n", "x.csv:1: columns 2 and 3 are both named \"\""},
      {"a,b\n1,\xB0\n", "x.csv:2: byte 0xb0 at offset 6 is not UTF-8"},
  }));
  CHECK_THROWS_WITH(io::CsvTable::parse(text, "x.csv"), ContainsSubstring(message));
}

TEST_CASE("columns are found by their exact name") {
  const auto table = io::CsvTable::parse("b,a,B,\"c d\"\n", "x.csv");
  CHECK(table.find("a") == 1);
  CHECK(table.find("B") == 2);
  CHECK(table.find("c d") == 3);
  CHECK_FALSE(table.find("c"));
  CHECK_FALSE(table.find("z"));
}

TEST_CASE("a short table may be moved") {
  auto table = io::CsvTable::parse("a\n1\n", "x");  // short enough to live inside the string object
  const io::CsvTable moved = std::move(table);
  CHECK(moved.cell(0, 0) == "1");
  CHECK(moved.find("a") == 0);
}

TEST_CASE("a header of a million columns takes no quadratic time") {
  std::string header;
  for (int i = 0; i < 1'000'000; ++i) header += "c" + std::to_string(i) + ",";
  const auto start = test::processor_seconds();
  const auto table = io::CsvTable::parse(header + "z\n", "x.csv");
  CHECK(table.columns() == 1'000'001);
  CHECK(table.find("z") == 1'000'000);
  CHECK(test::processor_seconds() - start < 10);  // 0.2 s without sanitizers
}

TEST_CASE("text in messages is cut, on one line and still UTF-8") {
  CHECK(io::shown("drizzle") == "\"drizzle\"");
  CHECK(io::shown("two\nlines") == "\"two lines\"");
  CHECK(io::shown(std::string(39, 'x') + "\xC2\xB0"
                                         "C") == "\"" + std::string(39, 'x') + "...\"");
  CHECK(io::shown("a \"b\"") == "\"a \\\"b\\\"\"");
}

TEST_CASE("written cells read back as they were") {
  const Rows rows{{"plain", "a,b"}, {"say \"x\"", "two\r\nlines"}, {"", " padded "}};
  io::CsvText text;
  for (const auto& row : rows) {
    for (const auto& cell : row) text.cell(cell);
    text.end_row();
  }
  CHECK(parse_rows(text.text()) == rows);
}

TEST_CASE("a row of one empty cell does not become a blank line") {
  CHECK(io::CsvText().cell("a").end_row().cell("").end_row().take() == "a\n\"\"\n");
}

TEST_CASE("numbers are written with the fewest digits that read back the same") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(io::CsvText()
            .cell(0.1)
            .cell(30.5310001373291)
            .cell(-2.0)
            .cell(1e300)
            .cell(nan)
            .cell(std::int64_t{7})
            .take() == "0.1,30.5310001373291,-2,1e+300,,7");
}

TEST_CASE("only cells that hold the own delimiter are quoted") {
  CHECK(io::CsvText(';').cell("a,b").cell("c;d").take() == "a,b;\"c;d\"");
}

TEST_CASE("a text that a spreadsheet would run is written as text, a number as it is") {
  const auto written = [](const char* text) { return io::CsvText().cell(text).take(); };
  for (const auto* formula : {"=1+1", "+cmd", "-sum", "@SUM(A1)", "-", "=2"})
    CHECK(written(formula) == std::string("'") + formula);
  CHECK(written("=HYPERLINK(\"x\",\"y\")") == "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"");
  CHECK(written("\t=1") == "'\t=1");
  CHECK(written("\r=1") == "\"'\r=1\"");
  for (const auto* harmless : {"-2", "+3", "-1.5e-7", "a=1", "a-b", "2020-01-01", "'=1"})
    CHECK(written(harmless) == harmless);
  CHECK(io::CsvText().cell(-2.5).take() == "-2.5");
}
