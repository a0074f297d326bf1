#include "core/text_file.h"

#include <zlib.h>

#include "core/error.h"
#include "support/test.h"

using namespace arzoo;

namespace {

void write_gzip(const std::filesystem::path& path, const std::string& text, const char* mode = "wb") {
  gzFile file = ::gzopen(path.c_str(), mode);
  REQUIRE(file != nullptr);
  REQUIRE(::gzwrite(file, text.data(), static_cast<unsigned>(text.size())) == static_cast<int>(text.size()));
  REQUIRE(::gzclose(file) == Z_OK);
}

/// Text that does not compress to nothing.
std::string numbers(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += std::to_string(i * 7919L % 1'000'003) + "\n";
  return text;
}

}  // namespace

TEST_CASE("a plain file is read whole, an empty one too") {
  const test::TempDir dir;
  const auto text = GENERATE(as<std::string>{}, "", "a", "a,b\n1,2\n");
  CHECK(read_text_file(dir.write("a.csv", text)) == text);
}

TEST_CASE("a gzip file is known by its first bytes, not by its name") {
  const test::TempDir dir;
  const std::string text = numbers(20'000);
  write_gzip(dir / "a.csv", text);
  CHECK(read_text_file(dir / "a.csv") == text);
}

TEST_CASE("joined gzip members are read one after the other") {
  const test::TempDir dir;
  write_gzip(dir / "a.gz", "a,b\n");
  write_gzip(dir / "a.gz", "1,2\n", "ab");
  CHECK(read_text_file(dir / "a.gz") == "a,b\n1,2\n");
}

TEST_CASE("a cut gzip file is refused wherever it ends") {
  const test::TempDir dir;
  write_gzip(dir / "whole.gz", numbers(200));
  const std::string bytes = test::read_file(dir / "whole.gz");
  for (std::size_t size = 2; size < bytes.size(); size += 7) {
    const auto path = dir.write("cut.gz", bytes.substr(0, size));
    CHECK_THROWS_WITH(read_text_file(path), ContainsSubstring("cut.gz: gzip data ends too early"));
  }
}

TEST_CASE("a gzip file with a changed byte is refused") {
  const test::TempDir dir;
  write_gzip(dir / "a.gz", numbers(200));
  std::string bytes = test::read_file(dir / "a.gz");
  bytes[bytes.size() - 6] ^= 1;  // in the checksum
  CHECK_THROWS_WITH(read_text_file(dir.write("a.gz", bytes)), ContainsSubstring("a.gz: is not valid gzip"));
}

TEST_CASE("a gzip file that expands beyond all proportion is refused") {
  const test::TempDir dir;
  const std::string half(50 << 20, '0');
  write_gzip(dir / "bomb.gz", half + half);
  CHECK_THROWS_WITH(read_text_file(dir / "bomb.gz"), ContainsSubstring("(unpack it first)"));
  // Of two members the last one's size says nothing of the whole.
  write_gzip(dir / "members.gz", half);
  write_gzip(dir / "members.gz", half, "ab");
  CHECK_THROWS_WITH(read_text_file(dir / "members.gz"), ContainsSubstring("expands to more than"));
}

TEST_CASE("a file above the limit is refused, plain or packed") {
  const test::TempDir dir;
  CHECK(read_text_file(dir.write("a", "12345"), 5) == "12345");
  CHECK_THROWS_AS(read_text_file(dir.write("a", "123456"), 5), DataError);
  write_gzip(dir / "b.gz", numbers(1000));
  CHECK_THROWS_WITH(read_text_file(dir / "b.gz", 5000), ContainsSubstring("expands to more than 5000 bytes"));
}

TEST_CASE("what is no readable file is named with the reason") {
  const test::TempDir dir;
  CHECK_THROWS_WITH(read_text_file(dir / "absent.csv"),
                    ContainsSubstring("absent.csv: cannot be opened: No such file"));
  CHECK_THROWS_WITH(read_text_file(dir.path()), ContainsSubstring("is a folder, expected a file"));
}

TEST_CASE("UTF-8 text passes") {
  const auto text = GENERATE(as<std::string>{}, "", "plain",
                             "Temp\xC2\xB0"
                             "C",
                             "\xE2\x82\xAC 12345678", "\xF0\x9F\x8C\xA1");
  CHECK_NOTHROW(require_utf8(text, "a.csv"));
}

TEST_CASE("bytes that are not UTF-8 are reported with line and offset") {
  const auto [text, message] = GENERATE(table<std::string, std::string>({
      {"a\nb\nTemp\xB0"
       "C\n",
       "a.csv:3: byte 0xb0 at offset 8 is not UTF-8 text"},             // Latin-1
      {"\xC0\xAF", "a.csv:1: byte 0xc0"},                               // overlong
      {"\xED\xA0\x80", "a.csv:1: byte 0xed"},                           // surrogate
      {"\xF5\x80\x80\x80", "a.csv:1: byte 0xf5"},                       // beyond Unicode
      {"12345678\xE2\x82", "a.csv:1: byte 0xe2 at offset 8"},           // cut
      {std::string("1234567\0", 8), "a.csv:1: byte 0x00 at offset 7"},  // binary
      {"\xFF\xFE"
       "a",
       "a.csv:1: is UTF-16 text"},
  }));
  CHECK_THROWS_WITH(require_utf8(text, "a.csv"), ContainsSubstring(message));
}
