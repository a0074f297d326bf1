#include "core/display_text.h"

#include <cmath>
#include <limits>

#include "support/test.h"

using namespace arzoo;

TEST_CASE("a number is shown with four significant digits", "[display_text_test]") {
  double value;
  std::string expected;
  std::tie(value, expected) = GENERATE(table<double, std::string>({
      {0.348219, "0.3482"},
      {0.35, "0.3500"},
      {12.5, "12.50"},
      {999.94, "999.9"},
      {999.96, "1000"},
      {1234.5, "1234"},
      {-1234.6, "-1235"},
      {9999.4, "9999"},
      {9999.6, "1e+04"},
      {3.0, "3"},
      {-2.0, "-2"},
      {0.0, "0"},
      {3.2e-5, "3.2e-05"},
      {1234567.5, "1.235e+06"},
      {1e300, "1e+300"},
      {std::numeric_limits<double>::quiet_NaN(), "nan"},
      {-std::numeric_limits<double>::infinity(), "-inf"},
  }));
  CHECK(short_number(value) == expected);
}

TEST_CASE("a duration is shown in the two units that matter", "[display_text_test]") {
  double seconds;
  std::string expected;
  std::tie(seconds, expected) = GENERATE(table<double, std::string>({
      {0.44, "0.4s"},
      {9.96, "10s"},
      {59.6, "1m00s"},
      {187.0, "3m07s"},
      {7500.0, "2h05m"},
      {273600.0, "3d04h"},
      {-1.0, "?"},
      {std::numeric_limits<double>::infinity(), "?"},
  }));
  CHECK(short_duration(seconds) == expected);
}

TEST_CASE("shortening never splits a code point", "[display_text_test]") {
  CHECK(shortened("größe", 5) == "größe");
  CHECK(shortened("größe", 4) == "grö…");
  CHECK(shortened("größe", 1) == "…");
  CHECK(shortened("größe", 0).empty());
  CHECK(display_width("größe") == 5);
}

TEST_CASE("a text on one line neither moves the cursor nor hides or reorders what is read",
          "[display_text_test]") {
  const auto [text, line] = GENERATE(table<std::string, std::string>({
      {"größe € 😀", "größe € 😀"},
      {"a\nb\tc\x1b[31m\x7f", "a b c [31m "},
      {"a\xC2\x85z", "a z"},
      {"a\u202Egpj.exe", "a\\u202egpj.exe"},
      {"\u2066a\u2069", "\\u2066a\\u2069"},
      {"pay\u200Bpal\uFEFF", "pay\\u200bpal\\ufeff"},
      {"soft\u00ADhyphen\u2028", "soft\\u00adhyphen\\u2028"},
      {"\U000E0041", "\\U000e0041"},
      {"a\xC3", "a\\xc3"},
      {"\xFF", "\\xff"},
  }));
  CHECK(one_line(text) == line);
}

TEST_CASE("markup is escaped and broken UTF-8 replaced", "[display_text_test]") {
  CHECK(escape_markup("<a b=\"c\">&'</a>") == "&lt;a b=&quot;c&quot;&gt;&amp;&#39;&lt;/a&gt;");
  CHECK(escape_markup("größe €") == "größe €");
  CHECK(escape_markup("a\xFF"
                      "b\xC3") == "a\uFFFDb\uFFFD");
  CHECK(escape_markup(std::string_view("\0\x1b\n", 3)) == "\uFFFD\uFFFD\n");
  CHECK(escape_markup("\xED\xA0\x80") == "\uFFFD\uFFFD\uFFFD");
  CHECK(escape_markup("a\u202Eb") == "a\\u202eb");
}

TEST_CASE("a long list is shown by its first items and a count", "[display_text_test]") {
  const auto quoted = [](std::string_view text) { return "<" + std::string(text) + ">"; };
  CHECK(first_few({}, quoted).empty());
  CHECK(first_few({"a", "b"}, quoted) == "<a>, <b>");
  CHECK(first_few(std::vector<std::string>(10, "x"), quoted).ends_with("<x>, <x>"));
  CHECK(first_few(std::vector<std::string>(13, "x"), quoted).ends_with("<x>, <x> and 3 more"));
}
