#include "core/bytes.h"

#include "support/test.h"

using namespace arzoo;

namespace {

using Reader = ByteReader<DataError>;

TEST_CASE("numbers are read in both byte orders") {
  const std::string bytes = "\x01\x02\x03\xff\xff\xff\xff";
  Reader little(bytes, "file");
  CHECK(little.little<std::uint16_t>("a number") == 0x0201);
  CHECK(little.position() == 2);
  Reader big(bytes, "file");
  CHECK(big.big<std::uint16_t>("a number") == 0x0102);
  CHECK(big.little<std::uint8_t>("a number") == 3);
  CHECK(big.little<std::int32_t>("a number") == -1);
  CHECK(big.remaining() == 0);
}

TEST_CASE("reading past the end names what was being read and moves nothing") {
  Reader reader("abc", "file.bin");
  CHECK_THROWS_WITH(reader.take(4, "a word"),
                    "file.bin: ends inside a word: 3 bytes at byte 0, expected 4 (is the file truncated?)");
  CHECK_THROWS_AS(reader.take(~std::uint64_t{0}, "a word"), DataError);
  CHECK_THROWS_AS(reader.little<std::uint64_t>("a number"), DataError);
  CHECK(reader.take(3, "a word") == "abc");
}

TEST_CASE("text up to a delimiter is returned without it") {
  Reader reader("one\ntwo", "file");
  CHECK(reader.take_until('\n', "a line") == "one");
  CHECK_THROWS_WITH(reader.take_until('\n', "a line"), "file: ends inside a line that starts at byte 4");
}

TEST_CASE("written numbers are read back") {
  std::string bytes;
  append_little(bytes, std::uint8_t{200});
  append_little(bytes, std::uint32_t{0xdeadbeef});
  append_little(bytes, std::int64_t{-2});
  Reader reader(bytes, "file");
  CHECK(reader.little<std::uint8_t>("") == 200);
  CHECK(reader.little<std::uint32_t>("") == 0xdeadbeef);
  CHECK(reader.little<std::int64_t>("") == -2);
}

TEST_CASE("sums and products that do not fit are nothing") {
  constexpr auto kLargest = ~std::uint64_t{0};
  CHECK(checked_multiply(1u << 31, 2) == std::uint64_t{1} << 32);
  CHECK_FALSE(checked_multiply(kLargest, 2).has_value());
  CHECK(checked_add(kLargest - 1, 1) == kLargest);
  CHECK_FALSE(checked_add(kLargest, 1).has_value());
}

TEST_CASE("a file's own words cannot break the line or drive the terminal") {
  const auto [text, shown] = GENERATE(table<std::string, std::string>({
      {"plain", R"("plain")"},
      {"two\nlines", R"("two\x0alines")"},
      {"\x1b[31m", R"("\x1b[31m")"},
      {R"(a"b\c)", R"("a\x22b\x5cc")"},
      {"\xc3\xa9", R"("\xc3\xa9")"},
      {std::string(101, 'x'), '"' + std::string(100, 'x') + "\"…"},
  }));
  CHECK(in_quotes(text) == shown);
}

}  // namespace
