#include "support/test.h"

#include "core/bytes.h"
#include "core/error.h"
#include "io/tensor_files.h"
#include "runtime/safetensors.h"

using namespace arzoo;
using namespace arzoo::runtime;

namespace {

std::string safetensors_fixture() {
  return (test::source_dir() / "tests/fixtures/checkpoints/small.safetensors").string();
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes() || a.scalar_type() != b.scalar_type()) return false;
  const auto bits = [](const at::Tensor& tensor) { return tensor.contiguous().reshape(-1).view(at::kByte); };
  return a.numel() == 0 || at::equal(bits(a), bits(b));
}

TEST_CASE("a file of the reference implementation is read") {
  const auto file = open_tensors(safetensors_fixture());
  CHECK(file.size() == 4);
  CHECK(file.contains("mask"));
  CHECK(at::equal(file.at("weight"), at::arange(24, at::kFloat).view({4, 6})));
  CHECK(file.at("step").item<int64_t>() == 7);
  CHECK(at::equal(file.at("mask"), at::tensor({1, 0}).to(at::kBool)));
  CHECK(file.at("empty").sizes() == at::IntArrayRef({0, 3}));
  CHECK(file.metadata.front() == std::pair<std::string, std::string>("format", "pt"));
}

TEST_CASE("an unknown tensor is named together with the nearest one") {
  const auto file = open_tensors(safetensors_fixture());
  CHECK_THROWS_AS(file.at("wieght"), CheckpointError);
  CHECK_THROWS_WITH(file.at("wieght"),
                    safetensors_fixture() + ": no tensor \"wieght\" (did you mean \"weight\"?)");
}

TEST_CASE("a tensor outlives the file that it came from") {
  at::Tensor weight;
  {
    const auto file = open_tensors(safetensors_fixture());
    weight = file.at("weight");
  }
  CHECK(weight.sum().item<float>() == 276.0F);
}

TEST_CASE("writing to a tensor does not reach the file") {
  const test::TempDir dir;
  const auto path = dir.write("w.safetensors", test::read_file(safetensors_fixture()));
  const auto before = test::read_file(path);
  open_tensors(path).at("weight").fill_(1.0F);
  CHECK(test::read_file(path) == before);
}

TEST_CASE("every element type and any layout survive writing and reading") {
  const test::TempDir dir;
  std::vector<NamedTensors::Entry> tensors;
  for (const auto type : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt, at::kShort,
                          at::kChar, at::kByte, at::kBool, at::kUInt16, at::kUInt32, at::kUInt64,
                          at::kFloat8_e4m3fn, at::kFloat8_e5m2, at::kComplexFloat}) {
    tensors.emplace_back(c10::toString(type), at::tensor({0.0F, 1.0F, 1.0F}).to(type));
  }
  const auto base = at::arange(24, at::kFloat).view({4, 6});
  tensors.emplace_back("transposed", base.t());
  tensors.emplace_back("strided", base.slice(1, 1, 6, 2));
  tensors.emplace_back("expanded", at::tensor({2.0F}).expand({3}));
  tensors.emplace_back("scalar", at::scalar_tensor(5, at::kLong));
  tensors.emplace_back("empty", at::zeros({0, 7}));
  tensors.emplace_back("conjugated", at::complex(at::ones({2}), at::ones({2})).conj());
  tensors.emplace_back("odd", at::ones({3}, at::kByte));
  tensors.emplace_back("parameter", torch::ones({2}).requires_grad_());
  tensors.emplace_back("naïve \"name\"\n", at::tensor({std::numeric_limits<float>::quiet_NaN()}));
  write_safetensors(dir / "t.safetensors", tensors, {{"b", "2"}, {"a", "1 \"quoted\""}});

  const auto file = open_tensors(dir / "t.safetensors");
  const auto stored = io::open_tensor_file(dir / "t.safetensors");
  REQUIRE(file.size() == tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    CAPTURE(tensors[i].first);
    CHECK(stored.tensors[i].name == tensors[i].first);
    CHECK(stored.tensors[i].offset % io::item_size(stored.tensors[i].dtype) == 0);
    CHECK(same_bits(file.at(tensors[i].first), tensors[i].second.detach().resolve_conj()));
  }
  CHECK(file.metadata == std::vector<std::pair<std::string, std::string>>{{"b", "2"}, {"a", "1 \"quoted\""}});
}

TEST_CASE("the header is padded to eight bytes") {
  const test::TempDir dir;
  const auto name = GENERATE("a", "ab", "abc", "abcd", "abcde", "abcdef", "abcdefg", "abcdefgh");
  write_safetensors(dir / "t.safetensors", {{name, at::ones({1})}});
  const auto bytes = test::read_file(dir / "t.safetensors");
  const auto length = ByteReader<DataError>(bytes, "").little<std::uint64_t>("");
  CHECK(length % 8 == 0);
  CHECK(bytes[8] == '{');
}

TEST_CASE("what the format cannot hold is refused before anything is written") {
  const auto [name, tensor, message] = GENERATE(table<std::string, at::Tensor, std::string>({
      {"__metadata__", at::ones({1}), "stands twice or is a reserved name"},
      {"\xff", at::ones({1}), "is not UTF-8"},
      {"w", at::ones({1}, at::kComplexDouble), "ComplexDouble cannot be stored"},
      {"w", at::Tensor(), "is undefined or sparse"},
      {"w", at::ones({2, 2}).to_sparse(), "is undefined or sparse"},
  }));
  const test::TempDir dir;
  const std::vector<NamedTensors::Entry> tensors{{name, tensor}};
  CHECK_THROWS_AS(write_safetensors(dir / "t.safetensors", tensors), CheckpointError);
  CHECK_THROWS_WITH(write_safetensors(dir / "t.safetensors", tensors), ContainsSubstring(message));
  CHECK(std::filesystem::is_empty(dir.path()));
}

TEST_CASE("a name that stands twice is refused") {
  const test::TempDir dir;
  CHECK_THROWS_WITH(write_safetensors(dir / "t.safetensors", {{"w", at::ones({1})}, {"w", at::ones({1})}}),
                    ContainsSubstring("\"w\" stands twice"));
}

TEST_CASE("a misaligned tensor is copied, not read askew") {
  const std::string header =
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})";
  std::string bytes;
  append_little(bytes, static_cast<std::uint64_t>(header.size()));
  const test::TempDir dir;
  const auto path = dir.write("t.safetensors", bytes + header + "\x07" + std::string("\x00\x00\x80\x3f", 4));
  const auto tensor = open_tensors(path).at("b");
  CHECK(tensor.item<float>() == 1.0F);
  CHECK(reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr()) % 4 == 0);
}

TEST_CASE("a boolean that is neither 0 nor 1 is refused") {
  const std::string header = R"({"mask":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}})";
  std::string bytes;
  append_little(bytes, static_cast<std::uint64_t>(header.size()));
  const test::TempDir dir;
  const auto path = dir.write("t.safetensors", bytes + header + "\x01\x02");
  CHECK_THROWS_WITH(open_tensors(path), path.string() + ": \"mask\": a BOOL of value 2, expected 0 or 1");
}

TEST_CASE("no cut and no flipped bit of the header is fatal") {
  const auto original = test::read_file(safetensors_fixture());
  const test::TempDir dir;
  std::size_t refused = 0;
  const auto try_out = [&](const std::string& bytes) {
    const auto path = dir.write("t.safetensors", bytes);
    try {
      open_tensors(path);
    } catch (const CheckpointError&) {
      ++refused;
    }
  };
  for (std::size_t length = 0; length < original.size(); length += 3) try_out(original.substr(0, length));
  CHECK(refused == (original.size() + 2) / 3);
  for (std::size_t i = 0; i < 8 * 200; i += 5) {
    auto flipped = original;
    flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << i % 8));
    try_out(flipped);
  }
  CHECK(refused > original.size() / 3 + 200);
}

}  // namespace
