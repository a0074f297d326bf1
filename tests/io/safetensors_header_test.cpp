#include "io/safetensors_header.h"

#include "core/bytes.h"
#include "support/test.h"

using namespace arzoo;

namespace {

std::string file_of(const std::string& header, std::size_t data) {
  std::string bytes;
  append_little(bytes, static_cast<std::uint64_t>(header.size()));
  return bytes + header + std::string(data, '\0');
}

io::SafetensorsHeader parse_header(const std::string& header, std::size_t data) {
  return io::parse_safetensors_header(file_of(header, data), "x.safetensors");
}

/// One tensor "w" with the given entry.
std::string one(const std::string& entry) { return R"({"w":{)" + entry + "}}"; }

TEST_CASE("tensors keep the header's order and know their place in the file") {
  const std::string header =
      R"({"b":{"dtype":"F32","shape":[2,1],"data_offsets":[2,10]},"__metadata__":{"k":"v"},)"
      R"("a":{"dtype":"BF16","shape":[],"data_offsets":[0,2]}} )";
  const auto parsed = parse_header(header, 10);
  REQUIRE(parsed.tensors.size() == 2);
  CHECK(parsed.tensors[0].name == "b");
  CHECK(parsed.tensors[0].dtype == io::DType::f32);
  CHECK(parsed.tensors[0].shape == std::vector<std::int64_t>{2, 1});
  CHECK(parsed.tensors[0].offset == 8 + header.size() + 2);
  CHECK(parsed.tensors[0].bytes == 8);
  CHECK(parsed.tensors[1].name == "a");
  CHECK(parsed.tensors[1].shape.empty());
  CHECK(parsed.tensors[1].offset == 8 + header.size());
  CHECK(parsed.metadata == std::vector<std::pair<std::string, std::string>>{{"k", "v"}});
}

TEST_CASE("a file without tensors and empty tensors are fine") {
  CHECK(parse_header("{}", 0).tensors.empty());
  CHECK(parse_header(R"({"__metadata__":{}})", 0).metadata.empty());
  const auto parsed = parse_header(one(R"("dtype":"F64","shape":[0,3],"data_offsets":[0,0])"), 0);
  CHECK(parsed.tensors.at(0).bytes == 0);
}

TEST_CASE("every element type has its size") {
  const auto [name, size] = GENERATE(table<std::string, std::size_t>({{"F64", 8},
                                                                      {"F32", 4},
                                                                      {"F16", 2},
                                                                      {"BF16", 2},
                                                                      {"I64", 8},
                                                                      {"I32", 4},
                                                                      {"I16", 2},
                                                                      {"I8", 1},
                                                                      {"U8", 1},
                                                                      {"BOOL", 1},
                                                                      {"U16", 2},
                                                                      {"U32", 4},
                                                                      {"U64", 8},
                                                                      {"F8_E4M3", 1},
                                                                      {"F8_E5M2", 1},
                                                                      {"C64", 8}}));
  const auto entry = fmt::format(R"("dtype":"{}","shape":[3],"data_offsets":[0,{}])", name, 3 * size);
  const auto parsed = parse_header(one(entry), 3 * size);
  CHECK(io::dtype_name(parsed.tensors.at(0).dtype) == name);
  CHECK(parsed.tensors.at(0).bytes == 3 * size);
}

TEST_CASE("a broken entry is refused with its key and what was expected") {
  const auto [entry, data, message] = GENERATE(table<std::string, std::size_t, std::string>({
      {R"("dtype":"F31","shape":[1],"data_offsets":[0,4])", 4, R"(unknown dtype "F31")"},
      {R"("dtype":4,"shape":[1],"data_offsets":[0,4])", 4, "dtype is 4, expected a string"},
      {R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])", 4,
       "shape holds -1, expected non-negative integers"},
      {R"("dtype":"F32","shape":[1.0],"data_offsets":[0,4])", 4, "shape holds 1.0"},
      {R"("dtype":"F32","shape":[[1]],"data_offsets":[0,4])", 4, "shape holds a list"},
      {R"("dtype":"F32","shape":1,"data_offsets":[0,4])", 4, "shape is 1, expected a list"},
      {R"("dtype":"F32","shape":null,"data_offsets":[0,4])", 4, "shape is null"},
      {R"("dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4])", 4, "exceeds 2^63 - 1"},
      {R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])", 0, "larger than any file"},
      {R"("dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0])", 0, "larger than any file"},
      {R"("dtype":"F32","shape":[1])", 4, "data_offsets is missing"},
      {R"("shape":[1],"data_offsets":[0,4])", 4, "dtype is missing"},
      {R"("dtype":"F32","shape":[1],"data_offsets":[0,8])", 8, "do not span the 4 bytes of F32 [1]"},
      {R"("dtype":"F32","shape":[1],"data_offsets":[4,0])", 4, "do not span"},
      {R"("dtype":"F32","shape":[1],"data_offsets":[0])", 4, "fewer than two"},
      {R"("dtype":"F32","shape":[1],"data_offsets":[0,4,4])", 4, "more than two"},
      {R"("dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4])", 4, R"("dtype" stands twice)"},
      {R"("dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1)", 4, R"(unknown key "x")"},
      {R"("dtype":"F32","shape":[1],"data_offsets":[1,5])", 5, "begin at 1, expected 0 (a hole)"},
  }));
  CHECK_THROWS_AS(parse_header(one(entry), data), CheckpointError);
  CHECK_THROWS_WITH(parse_header(one(entry), data),
                    Catch::StartsWith("x.safetensors: header: \"w\": ") && ContainsSubstring(message));
}

TEST_CASE("a broken header is refused") {
  const auto [header, message] = GENERATE(table<std::string, std::string>({
      {"", "does not begin with \"{\""},
      {" {}", "does not begin with \"{\""},
      {"{", "not valid JSON"},
      {"{}x", "not valid JSON"},
      {std::string("{}\0x", 4), "a zero byte"},
      {"{\"\xff\":1}", "not valid JSON"},
      {R"({"w":1})", "1, expected an object"},
      {R"({"w":[]})", "a list, expected an object"},
      {R"({"__metadata__":{"k":1}})", "1, expected strings only"},
      {R"({"__metadata__":{"k":{}}})", "an object, expected strings only"},
      {R"({"__metadata__":{"k":"a","k":"b"}})", R"("k" stands twice)"},
      {R"({"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"w":{}})", R"("w" stands twice)"},
  }));
  CHECK_THROWS_AS(parse_header(header, 0), CheckpointError);
  CHECK_THROWS_WITH(parse_header(header, 0), ContainsSubstring(message));
}

TEST_CASE("tensors must tile the data without overlap or rest") {
  const std::string overlap =
      R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})";
  CHECK_THROWS_WITH(parse_header(overlap, 3),
                    ContainsSubstring(R"("b": data_offsets begin at 1, expected 2 (an overlap))"));
  const std::string entry = R"("dtype":"U8","shape":[2],"data_offsets":[0,2])";
  CHECK_NOTHROW(parse_header(one(entry), 2));
  CHECK_THROWS_WITH(parse_header(one(entry), 3), ContainsSubstring("trailing bytes"));
  CHECK_THROWS_WITH(parse_header(one(entry), 1), ContainsSubstring("is the file truncated?"));
}

TEST_CASE("a header longer than the file or the limit is refused before it is read") {
  std::string bytes;
  append_little(bytes, std::uint64_t{100});
  CHECK_THROWS_WITH(io::parse_safetensors_header(bytes + "{}", "x"),
                    ContainsSubstring("ends inside the header"));
  bytes.clear();
  append_little(bytes, ~std::uint64_t{0});
  CHECK_THROWS_WITH(io::parse_safetensors_header(bytes + "{}", "x"),
                    ContainsSubstring("not a safetensors file"));
  CHECK_THROWS_WITH(io::parse_safetensors_header("abc", "x"),
                    ContainsSubstring("ends inside the header's length"));
}

TEST_CASE("nesting a hundred thousand deep is refused at its third level") {
  CHECK_THROWS_AS(parse_header(R"({"w":{"shape":)" + std::string(100000, '['), 0), CheckpointError);
}

}  // namespace
