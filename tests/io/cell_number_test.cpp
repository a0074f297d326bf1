#include "io/cell_number.h"

#include <cmath>
#include <limits>

#include "support/test.h"

using namespace arzoo;

TEST_CASE("cells that are numbers are read exactly") {
  const auto [cell, value] = GENERATE(table<std::string, double>({
      {"0", 0.0},
      {"-1.5", -1.5},
      {"+2", 2.0},
      {" 3.25\t", 3.25},
      {".5", 0.5},
      {"5.", 5.0},
      {"1e-3", 1e-3},
      {"30.5310001373291", 30.5310001373291},
      {"5e-324", 5e-324},
      {"1e-400", 0.0},
      {"1e400", std::numeric_limits<double>::infinity()},
      {"-inf", -std::numeric_limits<double>::infinity()},
      {"Infinity", std::numeric_limits<double>::infinity()},
  }));
  const auto number = io::read_number(cell);
  CHECK(number.kind == io::CellKind::number);
  CHECK(number.value == value);
}

TEST_CASE("the words for a missing value are read as missing") {
  const auto cell =
      GENERATE(as<std::string>{}, "", "  ", "NA", "N/A", "n/a", "NaN", "nan", "NAN", "null", "NULL", "None");
  const auto number = io::read_number(cell);
  CHECK(number.kind == io::CellKind::missing);
  CHECK(std::isnan(number.value));
}

TEST_CASE("everything else is text") {
  const auto cell = GENERATE(as<std::string>{}, "?", "-", "+", "+-1", "1,5", "1 000", "0x10", "12%",
                             "drizzle", "nan(1)", "-nan", "1e", "--1", "1.2.3");
  CHECK(io::read_number(cell).kind == io::CellKind::text);
}

TEST_CASE("grouped digits and decimal commas get a hint, words do not") {
  const auto [cell, hint] = GENERATE(table<std::string, std::string>({
      {"1,5", "decimal comma"},
      {"-12,75", "decimal comma"},
      {"1,234.5", "thousands separators"},
      {"1.234,5", "thousands separators"},
      {"1,234", "thousands separators"},
      {"1,234,567", "thousands separators"},
      {"1 000", "thousands separators"},
      {"1'000", "thousands separators"},
  }));
  CHECK_THAT(io::number_hint(cell), ContainsSubstring(hint));
  CHECK(io::number_hint("drizzle").empty());
  CHECK(io::number_hint("1.2.3").empty());
}

TEST_CASE("with a decimal comma, points group digits where that is beyond doubt") {
  const auto [cell, value] = GENERATE(table<std::string, double>({
      {"1,5", 1.5},
      {"-0,25", -0.25},
      {"+12,5e-1", 1.25},
      {"7", 7.0},
      {"1.234,5", 1234.5},
      {"-1.234.567", -1234567.0},
      {"1,234", 1.234},
      {",5", 0.5},
  }));
  const auto number = io::read_number(cell, io::DecimalMark::comma);
  CHECK(number.kind == io::CellKind::number);
  CHECK(number.value == value);
}

TEST_CASE("a number with a decimal point is none beside decimal commas") {
  const auto cell = GENERATE(as<std::string>{}, "1.5", "1.234", "12.34,5", "1234.567,8", "1,2,3", "1.234.56",
                             ",", "1,234,567", "+-1,5", "--1,5", "rain, 5");
  CHECK(io::read_number(cell, io::DecimalMark::comma).kind == io::CellKind::text);
}

TEST_CASE("a cell tells how it uses the comma") {
  const auto [cell, use] = GENERATE(table<std::string, io::CommaUse>({
      {"1,5", io::CommaUse::decimal},
      {"1234,567", io::CommaUse::decimal},
      {"0,123", io::CommaUse::decimal},
      {"1.234,567", io::CommaUse::decimal},
      {"1,234", io::CommaUse::perhaps_decimal},
      {"-123,456", io::CommaUse::perhaps_decimal},
      {"1,234,567", io::CommaUse::none},
      {"1.5", io::CommaUse::none},
      {"rain, then sun", io::CommaUse::none},
      {"", io::CommaUse::none},
  }));
  CHECK(io::comma_use(cell) == use);
}
