#include "io/idx_file.h"

#include <zlib.h>

#include "core/error.h"
#include "support/test.h"

using namespace arzoo;
using test::TempDir;
using namespace std::string_literals;

namespace {

std::string idx(std::string sizes, const std::string& bytes, char type = 8) {
  const auto axes = static_cast<char>(sizes.size() / 4);
  return std::string{0, 0, type, axes} + std::move(sizes) + bytes;
}

}  // namespace

TEST_CASE("an IDX file's sizes are big-endian, its bytes come as they are") {
  const TempDir temp;
  const auto array = io::read_idx(temp.write("a", idx("\0\0\0\2\0\0\0\1\0\0\0\3"s, "\1\2\3\xff\0\7"s)));
  CHECK(array.sizes == std::vector<int64_t>{2, 1, 3});
  CHECK(array.bytes == "\1\2\3\xff\0\7"s);
}

TEST_CASE("a gzipped IDX file is read by its content") {
  const TempDir temp;
  const auto path = temp / "labels";
  const auto bytes = idx("\0\0\0\4"s, "abcd");
  const auto file = gzopen(path.c_str(), "wb");
  REQUIRE(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) > 0);
  gzclose(file);
  CHECK(io::read_idx(path).bytes == "abcd");
}

TEST_CASE("a broken IDX file is refused by name, and nothing is allocated for what it promises") {
  const TempDir temp;
  struct Bad {
    std::string bytes, message;
  };
  const auto bad = GENERATE(values<Bad>({
      {"", "ends inside the file's mark"},
      {"\x89PNG\r\n", "not an IDX file"},
      {idx("", "a"), "not an IDX file"},
      {idx(std::string(5 * 4, '\1'), ""), "not an IDX file"},
      {idx("\0\0\0\2"s, "ab", 0x0d), "elements of type 0x0d"},
      {idx("\0\0"s, ""), "not an IDX file"},
      {idx("\0\0\0\3"s, "ab"), "2 bytes behind the header, which promises 3"},
      {idx("\0\0\0\1"s, "ab"), "2 bytes behind the header, which promises 1"},
      {idx("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"s, "ab"), "2 bytes behind the header"},
  }));
  CHECK_THROWS_WITH(io::read_idx(temp.write("bad", bad.bytes)),
                    ContainsSubstring("bad: ") && ContainsSubstring(bad.message));
  CHECK_THROWS_AS(io::read_idx(temp / "missing"), DataError);
}
