#include "core/utf8.h"

#include "support/test.h"

using namespace arzoo;

TEST_CASE("only well-formed UTF-8 is accepted") {
  const auto [text, valid] = GENERATE(table<std::string, bool>({
      {"", true},
      {"ascii", true},
      {"\xc3\xa9", true},
      {"\xe2\x82\xac", true},
      {"\xf0\x9f\x98\x80", true},
      {"\x80", false},              // continuation without a lead
      {"\xc3", false},              // cut
      {"\xc0\xaf", false},          // overlong
      {"\xe0\x80\x80", false},      // overlong
      {"\xed\xa0\x80", false},      // surrogate
      {"\xf0\x80\x80\x80", false},  // overlong
      {"\xf4\x90\x80\x80", false},  // above U+10FFFF
      {"\xff", false},
  }));
  CHECK(is_utf8(text) == valid);
}

TEST_CASE("a code point is decoded from its bytes") {
  const auto [text, code] = GENERATE(table<std::string, char32_t>({
      {"a", U'a'},
      {"\xc3\xa9", U'\u00e9'},
      {"\xe2\x80\xae", U'\u202e'},
      {"\xf0\x9f\x98\x80", U'\U0001f600'},
  }));
  CHECK(utf8_length(text, 0) == text.size());
  CHECK(code_point(text, 0, text.size()) == code);
}
