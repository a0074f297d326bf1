#include "core/markdown_table.h"

#include <limits>

#include "core/json.h"
#include "support/test.h"

using namespace arzoo;

namespace {

Table sample_table() {
  Table table({"model", "horizon", {"mse", 3}});
  table.add({"itransformer", 96, 0.38641});
  table.add({"größe", 720, {}});
  return table;
}

}  // namespace

TEST_CASE("Markdown columns are aligned, numbers to the right, decimals by the column",
          "[markdown_table_test]") {
  CHECK(to_markdown(sample_table()) ==
        "| model        | horizon |   mse |\n"
        "| ------------ | ------: | ----: |\n"
        "| itransformer |      96 | 0.386 |\n"
        "| größe        |     720 |       |\n");
}

TEST_CASE("a bar or a line break in a cell cannot break the Markdown table", "[markdown_table_test]") {
  Table table({"a|b"});
  table.add({"x|y\nz"});
  CHECK(to_markdown(table) == "| a\\|b      |\n| --------- |\n| x\\|y<br>z |\n");
}

TEST_CASE("CSV quotes what needs quotes and keeps all digits", "[markdown_table_test]") {
  Table table({"name", "value"});
  table.add({"say \"hi\", twice", 0.1 + 0.2});
  table.add({"two\nlines", {}});
  CHECK(to_csv(table) == "name,value\n\"say \"\"hi\"\", twice\",0.30000000000000004\n\"two\nlines\",\n");
}

TEST_CASE("JSON keeps the order of the columns; empty and not-finite cells are null",
          "[markdown_table_test]") {
  Table table({"b", "a", "c"});
  table.add({std::numeric_limits<double>::quiet_NaN(), 7, {}});
  CHECK(to_json(table).dump() == R"([{"b":null,"a":7,"c":null}])");
}

TEST_CASE("a column is numeric when its filled cells are numbers", "[markdown_table_test]") {
  const Table table = sample_table();
  CHECK_FALSE(table.is_numeric(0));
  CHECK(table.is_numeric(1));
  CHECK(table.is_numeric(2));
  CHECK_FALSE(Table({"empty"}).is_numeric(0));
}

TEST_CASE("a row of the wrong length is a programming error", "[markdown_table_test]") {
  Table table({"a", "b"});
  CHECK_THROWS_AS(table.add({1}), std::logic_error);
}

TEST_CASE("a table without rows is still a table", "[markdown_table_test]") {
  const Table table({"a", "bcde"});
  CHECK(to_markdown(table) == "| a   | bcde |\n| --- | ---- |\n");
  CHECK(to_csv(table) == "a,bcde\n");
  CHECK(to_json(table).dump() == "[]");
}
