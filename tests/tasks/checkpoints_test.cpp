#include <ctime>

#include "io/png_file.h"
#include "runtime/named_tensors.h"
#include "runtime/safetensors.h"
#include "support/tasks.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

fs::path fixture(const std::string& name) {
  return test::source_dir() / "tests" / "fixtures" / "checkpoints" / name;
}

Json inspect(const fs::path& path) {
  SilentProgress progress;
  return tasks::inspect({path}, progress, test::kNeverStop);
}

Json convert(const fs::path& input, const fs::path& output) {
  SilentProgress progress;
  return tasks::convert({input, output}, progress, test::kNeverStop);
}

}  // namespace

TEST_CASE("inspecting counts what a file holds") {
  const TempDir temp;
  runtime::write_safetensors(temp / "a.safetensors",
                             {{"w", at::ones({2, 3})}, {"n", at::ones({4}, at::kLong)}}, {{"format", "pt"}});
  const auto summary = inspect(temp / "a.safetensors");
  CHECK(summary["format"] == "safetensors");
  CHECK(summary["parameters"] == 10);
  CHECK(summary["bytes"] == 2 * 3 * 4 + 4 * 8);
  CHECK(summary["metadata"]["format"] == "pt");
  REQUIRE(summary["tensors"].size() == 2);
  CHECK(summary["tensors"][0]["name"] == "w");
  CHECK(summary["tensors"][0]["shape"] == Json({2, 3}));
}

TEST_CASE("a picture's text that is too deep for JSON is shown as a text") {
  const TempDir temp;
  const auto deep = std::string(400000, '[') + std::string(400000, ']');
  temp.write("x.png", io::encode_png({.width = 1, .height = 1, .channels = 1, .pixels = {0}},
                                     {{"parameters", deep}, {"more", R"({"seed": 1})"}}));
  const auto texts = inspect(temp / "x.png")["texts"];
  CHECK(texts["parameters"] == deep);
  CHECK(texts["more"] == Json{{"seed", 1}});
}

TEST_CASE("80,000 keys of metadata are inspected in linear time") {
  const TempDir temp;
  std::vector<std::pair<std::string, std::string>> metadata;
  for (int i = 0; i < 80000; ++i) metadata.emplace_back(fmt::format("key{}", i), "x");
  runtime::write_safetensors(temp / "a.safetensors", {{"w", at::ones({1})}}, metadata);
  constexpr double kSeconds = 3.0;  // 0.1 s; quadratic lookups take 10 s
  const auto start = std::clock();
  CHECK(inspect(temp / "a.safetensors")["metadata"].size() == 80000);
  CHECK(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC < kSeconds);
}

TEST_CASE("a run directory's model is inspected like any folder") {
  const TempDir temp;
  const auto data = temp.write("waves.csv", test::wide_csv(test::hourly_table(100)));
  test::train(test::tiny_config(data), temp / "run");
  const auto summary = inspect(temp / "run" / "model");
  CHECK(summary["parameters"].get<int64_t>() ==
        inspect(temp / "run" / "model" / "model.safetensors")["parameters"].get<int64_t>());
}

TEST_CASE("what can be inspected of a run directory can be converted: its best model") {
  const TempDir temp;
  const auto data = temp.write("waves.csv", test::wide_csv(test::hourly_table(100)));
  test::train(test::tiny_config(data), temp / "run");
  const auto result = convert(temp / "run", temp / "out.safetensors");
  CHECK(result["tensors"] == inspect(temp / "run")["tensors"].size());
  const auto model = runtime::open_tensors(temp / "run/model"),
             converted = runtime::open_tensors(temp / "out.safetensors");
  CHECK(converted.names() == model.names());
  for (const auto& [key, tensor] : model) CHECK(at::equal(converted.at(key), tensor));
}

TEST_CASE("a converted PyTorch file has the same tensors under the same names") {
  const auto name = GENERATE("zip.pth", "legacy.pth", "protocol5.pth", "small.safetensors");
  const TempDir temp;
  const auto result = convert(fixture(name), temp / "out.safetensors");
  const auto before = runtime::open_tensors(fixture(name)),
             after = runtime::open_tensors(temp / "out.safetensors");
  INFO(name);
  CHECK(result["tensors"] == before.size());
  CHECK(result["bytes"] == fs::file_size(temp / "out.safetensors"));
  CHECK(after.names() == before.names());
  for (const auto& [key, tensor] : before) CHECK(at::equal(after.at(key), tensor));
}

TEST_CASE("floating-point tensors are written in the type that is asked for, other tensors as they are") {
  const auto [name, type] = GENERATE(table<std::string, at::ScalarType>(
      {{"bf16", at::kBFloat16}, {"fp16", at::kHalf}, {"fp32", at::kFloat}}));
  const TempDir temp;
  runtime::write_safetensors(
      temp / "in.safetensors",
      {{"a", at::tensor({0.1, -3.0})}, {"b", at::full({1}, 1.5, at::kBFloat16)}, {"c", at::tensor({7, 8})}},
      {});
  SilentProgress progress;
  tasks::convert({.input = temp / "in.safetensors", .output = temp / "out.safetensors", .dtype = name},
                 progress, test::kNeverStop);
  const auto before = runtime::open_tensors(temp / "in.safetensors"),
             after = runtime::open_tensors(temp / "out.safetensors");
  for (const auto* key : {"a", "b"}) CHECK(at::equal(after.at(key), before.at(key).to(type)));
  CHECK(at::equal(after.at("c"), before.at("c")));
}

TEST_CASE("a number that a smaller type cannot hold is named and not written as infinite") {
  const TempDir temp;
  runtime::write_safetensors(temp / "in.safetensors", {{"norm.weight", at::tensor({1e6f})}}, {});
  SilentProgress progress;
  CHECK_THROWS_WITH(
      tasks::convert({.input = temp / "in.safetensors", .output = temp / "out.safetensors", .dtype = "fp16"},
                     progress, test::kNeverStop),
      ContainsSubstring("norm.weight has numbers that are too large for Half"));
  CHECK_FALSE(fs::exists(temp / "out.safetensors"));
}

TEST_CASE("a file that is no checkpoint is refused, and nothing is written") {
  const TempDir temp;
  const auto text = temp.write("notes.pth", "these are notes");
  CHECK_THROWS_AS(convert(text, temp / "out.safetensors"), CheckpointError);
  CHECK_THROWS_AS(inspect(text), CheckpointError);
  CHECK_THROWS_AS(inspect(temp / "none"), CheckpointError);
  CHECK_FALSE(fs::exists(temp / "out.safetensors"));
}

TEST_CASE("a file may be converted onto itself") {
  const TempDir temp;
  fs::copy(fixture("zip.pth"), temp / "weights");
  const auto before = runtime::open_tensors(fixture("zip.pth"));
  convert(temp / "weights", temp / "weights");
  CHECK(runtime::open_tensors(temp / "weights").names() == before.names());
}
