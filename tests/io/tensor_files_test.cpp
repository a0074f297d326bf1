#include "io/tensor_files.h"

#include "core/bytes.h"
#include "core/error.h"
#include "support/pickles.h"
#include "support/test.h"

using namespace arzoo;

namespace {

namespace fs = std::filesystem;

/// A safetensors file of one-byte tensors with these names.
std::string safetensors(const std::vector<std::string>& names) {
  std::string header = "{";
  for (std::size_t i = 0; i < names.size(); ++i) {
    header += fmt::format(R"({}"{}":{{"dtype":"U8","shape":[1],"data_offsets":[{},{}]}})", i == 0 ? "" : ",",
                          names[i], i, i + 1);
  }
  header += "}";
  std::string bytes;
  append_little(bytes, static_cast<std::uint64_t>(header.size()));
  return bytes + header + std::string(names.size(), '\0');
}

fs::path checkpoint_fixture(const std::string& name) {
  return test::source_dir() / "tests/fixtures/checkpoints" / name;
}

std::size_t count(const fs::path& path) {
  std::size_t tensors = 0;
  for (const auto& file : io::open_tensor_files(path)) tensors += file.tensors.size();
  return tensors;
}

TEST_CASE("a folder's weights are found by name, in this order") {
  const test::TempDir dir;
  dir.write("pytorch_model.bin", test::read_file(checkpoint_fixture("protocol5.pth")));
  CHECK(count(dir.path()) == 3);
  dir.write("any.safetensors", safetensors({"a"}));
  CHECK(count(dir.path()) == 1);
  dir.write("model.safetensors.index.json", R"({"weight_map":{"a":"any.safetensors"},"metadata":{"a":1}})");
  CHECK(io::open_tensor_files(dir.path()).front().mapping->path() == dir / "any.safetensors");
  dir.write("model.safetensors", safetensors({"a", "b"}));
  CHECK(count(dir.path()) == 2);
}

TEST_CASE("a folder without weights or with too many is refused") {
  const test::TempDir dir;
  CHECK_THROWS_WITH(count(dir.path()), ContainsSubstring("no weights, expected model.safetensors"));
  dir.write("a.safetensors", safetensors({"a"}));
  dir.write("b.safetensors", safetensors({"b"}));
  CHECK_THROWS_WITH(count(dir.path()),
                    ContainsSubstring("holds 2 safetensors files (a.safetensors, b.safetensors, …)"));
}

TEST_CASE("shards are joined by their index") {
  const test::TempDir dir;
  dir.write("1.safetensors", safetensors({"a", "b"}));
  dir.write("2.safetensors", safetensors({"c"}));
  const auto index = dir.write(
      "model.safetensors.index.json",
      R"({"metadata":{"total_size":3},"weight_map":{"a":"1.safetensors","b":"1.safetensors","c":"2.safetensors"}})");
  CHECK(count(index) == 3);
  CHECK(count(dir.path()) == 3);
  const auto summary = io::describe_tensors(dir.path());
  CHECK(summary.format == "sharded safetensors");
  CHECK(summary.tensors.at(2).file == "2.safetensors");
  CHECK(summary.bytes == 3);
}

TEST_CASE("an index that its shards do not bear out is refused") {
  const auto [index, message] = GENERATE(table<std::string, std::string>({
      {R"({"weight_map":{"a":"1.safetensors"}})",
       "holds \"b\", which model.safetensors.index.json does not list for it"},
      {R"({"weight_map":{"a":"1.safetensors","b":"1.safetensors","c":"1.safetensors"}})",
       "does not hold \"c\""},
      {R"({"weight_map":{"a":"3.safetensors"}})", "shard \"3.safetensors\" is missing"},
      {R"({"weight_map":{"a":"../1.safetensors"}})", "expected the plain name"},
      {R"({"weight_map":{"a":"/etc/passwd"}})", "expected the plain name"},
      {R"({"weight_map":{"a":".."}})", "expected the plain name"},
      {R"({"weight_map":{"a":""}})", "expected the plain name"},
      {R"({"weight_map":{"a":"1.safetensors\u0000"}})", "expected the plain name"},
      {R"({"weight_map":{"a":1}})", "expected a file name"},
      {R"({"weight_map":{"a":"1.safetensors","a":"1.safetensors"}})", "the key \"a\" is given twice"},
      {R"({"weight_map":[]})", "no object \"weight_map\""},
      {R"([])", "no object \"weight_map\""},
      {R"({)", "not valid JSON"},
      {R"({"metadata":)" + std::string(100000, '['), "nested deeper than 64 levels"},
  }));
  const test::TempDir dir;
  dir.write("1.safetensors", safetensors({"a", "b"}));
  dir.write("model.safetensors.index.json", index);
  CHECK_THROWS_AS(io::open_tensor_files(dir.path()), CheckpointError);
  CHECK_THROWS_WITH(io::open_tensor_files(dir.path()), ContainsSubstring(message));
}

TEST_CASE("the content of a file decides, not its name") {
  const test::TempDir dir;
  CHECK(io::open_tensor_file(dir.write("a.bin", safetensors({"a"}))).format == "safetensors");
  CHECK(io::open_tensor_file(dir.write("b.safetensors", test::read_file(checkpoint_fixture("zip.pth"))))
            .format == "pytorch");
  CHECK(io::open_tensor_file(checkpoint_fixture("legacy.pth")).format == "pytorch (legacy)");
}

TEST_CASE("a file of another kind is refused with what it is") {
  const auto [name, content, message] = GENERATE(table<std::string, std::string, std::string>({
      {"a.bin", "hello, world", "neither a safetensors file nor one of torch.save"},
      {"a.bin", "", "neither a safetensors file nor one of torch.save"},
      {"a.safetensors", "", "ends inside the header's length"},
      {"a.pth", "cos\nsystem\n(S'true'\ntR.", "a bare pickle that imports \"os.system\""},
      {"a.pth", "cats and dogs\nhello\nworld", "neither a safetensors file nor one of torch.save"},
      {"a.pth", "\x80\x04" + test::pickled_call("true") + ".", "refuses to import or call \"posix.system\""},
      {"a.pth", "\x80\x04}.", "a bare pickle, expected"},
      {"a.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "pointer of Git LFS"},
  }));
  const test::TempDir dir;
  const auto path = dir.write(name, content);
  CHECK_THROWS_AS(io::open_tensor_file(path), CheckpointError);
  CHECK_THROWS_WITH(io::open_tensor_file(path), ContainsSubstring(message));
}

TEST_CASE("what cannot be opened is refused with the reason") {
  const test::TempDir dir;
  CHECK_THROWS_WITH(io::open_tensor_files(dir / "none.pth"),
                    ContainsSubstring("none.pth: cannot be opened: No such file"));
  CHECK_THROWS_WITH(io::open_tensor_file(dir.path()), ContainsSubstring("is a folder, expected a file"));
  CHECK_THROWS_WITH(io::open_tensor_file("/dev/null"), ContainsSubstring("is not a regular file"));
}

TEST_CASE("a checkpoint is described without loading it") {
  const auto summary = io::describe_tensors(checkpoint_fixture("small.safetensors"));
  CHECK(summary.format == "safetensors");
  CHECK(summary.tensors.size() == 4);
  CHECK(summary.elements == 24 + 1 + 2);
  CHECK(summary.bytes == 24 * 4 + 8 + 2);
  CHECK(summary.metadata == std::vector<std::pair<std::string, std::string>>{{"format", "pt"}});
  CHECK(io::describe_tensors(checkpoint_fixture("trainer.pt")).tensors.size() == 4);
  CHECK(io::describe_tensors(checkpoint_fixture("trainer.pt")).state_dicts.size() == 2);
}

TEST_CASE("one state dict of a checkpoint can be described alone") {
  const auto summary = io::describe_tensors(checkpoint_fixture("trainer.pt"), "trainer.ema");
  REQUIRE(summary.tensors.size() == 1);
  CHECK(summary.tensors[0].name == "weight");
  CHECK(summary.state_dicts.size() == 2);
}

TEST_CASE("a state dict cannot be chosen where there is none") {
  CHECK_THROWS_WITH(io::describe_tensors(checkpoint_fixture("small.safetensors"), "ema"),
                    ContainsSubstring("is no file of torch.save, expected no --state-dict, got \"ema\""));
  CHECK_THROWS_AS(io::open_tensor_files(checkpoint_fixture("small.safetensors"), "ema"), CheckpointError);
}

}  // namespace
