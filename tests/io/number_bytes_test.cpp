#include "io/number_bytes.h"

#include "support/test.h"

using namespace std::string_literals;

TEST_CASE("little-endian numbers of NumPy's types are read") {
  const auto [name, bytes, value] = GENERATE(table<std::string, std::string, double>({
      {"<f4", "\x00\x00\x20\xc0"s, -2.5},
      {"<f8", "\x00\x00\x00\x00\x00\x00\x04\xc0"s, -2.5},
      {"float32", "\x00\x00\x20\xc0"s, -2.5},
      {"i2", "\xfe\xff"s, -2},
      {"|u1", "\xfe"s, 254},
      {"<i8", "\xff\xff\xff\xff\xff\xff\xff\xff"s, -1},
  }));
  INFO(name);
  const auto type = arzoo::io::number_type(name);
  REQUIRE(type);
  CHECK(type->read(bytes + bytes) == std::vector<double>{value, value});
}

TEST_CASE("other types have no reader") {
  const auto* name = GENERATE(">f4", "<f2", "O", "", "<i3", "float16", "|S8", "<c8");
  INFO(name);
  CHECK_FALSE(arzoo::io::number_type(name));
}
