#include "io/series_cells.h"

#include <cmath>

#include "core/error.h"
#include "io/series_table.h"
#include "support/test.h"

using namespace arzoo;
using io::CategoryColumn;
using io::CsvTable;
using io::SeriesCells;

namespace {

const std::vector<CategoryColumn> kWeather{{"weather", {"rain", "snow", "sun"}}};

}  // namespace

TEST_CASE("a category is the place of its text; missing and unknown ones have codes of their own") {
  const auto [cell, code] = GENERATE(table<std::string, double>(
      {{"rain", 0}, {" sun ", 2}, {"", 3}, {"NA", 3}, {"hail", -1}, {"Rain", -1}, {"1", -1}}));
  INFO(cell);
  CHECK(kWeather[0].code(cell) == code);
}

TEST_CASE("the categories of a column are its different texts, sorted, without missing cells") {
  const auto table = CsvTable::parse("weather\nsun\nrain\n\"\"\nsun\nNaN\nsnow\n", "a.csv");
  CHECK(io::category_values(table, 0, 3) == std::vector<std::string>{"rain", "snow", "sun"});
  CHECK_THROWS_WITH(
      io::category_values(table, 0, 2),
      "a.csv:7: column \"weather\" holds more than 2 different texts, expected categories (group "
      "the rare ones, or leave the column out)");
}

TEST_CASE("a column holds texts when a cell is neither missing nor a number") {
  const auto [cells, texts] = GENERATE(table<std::string, bool>({{"1\n2\n", false},
                                                                 {"1\n\"\"\n", false},
                                                                 {"1\nx\n", true},
                                                                 {"true\nfalse\n", true},
                                                                 {"\"1,5\"\n2\n", true}}));
  CHECK(io::holds_texts(CsvTable::parse("c\n" + cells, "a.csv"), 0) == texts);
  CHECK_FALSE(io::holds_texts(CsvTable::parse("c;d\n1,5;2\n", "a.csv"), 0));  // a decimal comma
}

TEST_CASE("cells are numbers, NaN or codes, and anything else is named with its line") {
  const auto table = CsvTable::parse("a,weather\n1.5,sun\n,hail\nx,rain\ninf,rain\n", "a.csv");
  const SeriesCells cells(table, {0, 1}, kWeather, "--columns");
  CHECK(cells.value(0, 0) == 1.5);
  CHECK(std::isnan(cells.value(1, 0)));
  CHECK(cells.value(0, 1) == 2);
  CHECK(cells.value(1, 1) == CategoryColumn::kUnknown);
  CHECK_THROWS_WITH(cells.value(2, 0),
                    "a.csv:4: column \"a\": \"x\" is not a number (list the numeric columns with --columns)");
  CHECK_THROWS_WITH(cells.value(3, 0), ContainsSubstring("a.csv:5: column \"a\": \"inf\" is infinite"));
  CHECK(cells.notes() == std::vector<std::string>{"a.csv: column \"weather\": 1 of 4 cells hold an unknown "
                                                  "category, the first \"hail\" in line 3: read as missing"});
}

TEST_CASE("a series is read with the codes of its columns of texts, and says what they mean") {
  io::SeriesReadOptions options;
  options.categories = std::make_shared<const std::vector<CategoryColumn>>(kWeather);
  const auto file = io::read_series(
      CsvTable::parse("date,y,weather\n2020-01-01,1,sun\n2020-01-02,2,\n2020-01-03,3,hail\n", "a.csv"),
      options);
  const auto& series = file.tables.at(0);
  CHECK(series.values == std::vector<double>{1, 2, 2, 3, 3, -1});
  CHECK(series.filled.empty());
  CHECK(series.categories == options.categories);
  CHECK(file.notes.size() == 1);
}
