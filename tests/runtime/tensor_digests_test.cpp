#include "runtime/tensor_digests.h"

#include "core/bytes.h"
#include "runtime/named_tensors.h"
#include "runtime/safetensors.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::runtime;

namespace {

std::string flipped(std::string bytes, std::size_t at, int bit = 0) {
  bytes.at(at) = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << bit));
  return bytes;
}

/// A file of two tensors as arzoo writes it.
std::string own_file(const test::TempDir& dir) {
  write_safetensors(dir / "own.safetensors",
                    {{"w", at::arange(40, at::kFloat)}, {"mask", at::ones({3}, at::kBool)}});
  return test::read_file(dir / "own.safetensors");
}

std::string replaced(std::string bytes, const std::string& piece, const std::string& other) {
  REQUIRE(piece.size() == other.size());
  REQUIRE(bytes.find(piece) != std::string::npos);
  return bytes.replace(bytes.find(piece), piece.size(), other);
}

}  // namespace

TEST_CASE("the digest is zlib's CRC-32") {
  CHECK(crc32_of("123456789") == 0xcbf43926U);
  CHECK(crc32_of("") == 0U);
  std::string many(std::size_t{40} << 20U, '\0');
  for (std::size_t i = 0; i < many.size(); i += 7) many[i] = static_cast<char>(i / 7);
  CHECK(crc32_of(flipped(many, many.size() - 1)) != crc32_of(many));
}

TEST_CASE("one bit of any tensor's bytes is told apart, with the file and the tensor") {
  const test::TempDir dir;
  const auto bytes = own_file(dir);
  const std::size_t data = 40 * 4 + 3;
  for (std::size_t i = 0; i < data; ++i) {
    const auto path =
        dir.write("t.safetensors", flipped(bytes, bytes.size() - 1 - i, static_cast<int>(i % 8)));
    CHECK_THROWS_AS(open_tensors(path), CheckpointError);
  }
  const auto path = dir.write("t.safetensors", flipped(bytes, bytes.size() - data));
  CHECK_THROWS_WITH(open_tensors(path),
                    ContainsSubstring(path.string() + ": \"w\": its bytes have the CRC-32 "));
}

TEST_CASE("digests that do not fit the tensors are refused") {
  const test::TempDir dir;
  const auto bytes = own_file(dir);
  const auto [piece, other, message] = GENERATE(table<std::string, std::string, std::string>({
      {R"(\"mask\")", R"(\"musk\")", "tells nothing of \"mask\""},
      {R"({\"mask\")", R"([\"mask\")", "is no list of digests"},
      {R"("arzoo.crc32":"{\"mask\":\")", R"("arzoo.crc32":"{\"mask\":7 )", "is no list of digests"},
  }));
  const auto path = dir.write("t.safetensors", replaced(bytes, piece, other));
  CHECK_THROWS_WITH(open_tensors(path), ContainsSubstring(message));
}

TEST_CASE("digests are of one file: they are neither shown nor handed on, and files without them are read") {
  const test::TempDir dir;
  own_file(dir);
  CHECK(open_tensors(dir / "own.safetensors").metadata.empty());
  CHECK(io::describe_tensors(dir / "own.safetensors").metadata.empty());
  const auto foreign = test::source_dir() / "tests/fixtures/checkpoints/small.safetensors";
  CHECK(open_tensors(foreign).size() == 4);
}
