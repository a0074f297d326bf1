#include "support/test.h"

#include "core/error.h"
#include "runtime/named_tensors.h"
#include "runtime/safetensors.h"
#include "support/pickles.h"

using namespace arzoo;
using namespace arzoo::runtime;

namespace {

std::filesystem::path pickle_fixture(const std::string& name) {
  return test::source_dir() / "tests/fixtures/checkpoints" / name;
}

TEST_CASE("the tensors of torch.save have the values, shapes and dtypes that were saved") {
  const auto tensors = open_tensors(pickle_fixture(GENERATE("zip.pth", "legacy.pth")));
  const auto base = at::arange(24, at::kFloat);
  CHECK(at::equal(tensors.at("weight"), base.view({4, 6})));
  CHECK(at::equal(tensors.at("transposed"), base.view({4, 6}).t()));
  CHECK(at::equal(tensors.at("slice"), base.slice(0, 5, 9)));
  CHECK(at::equal(tensors.at("every_other"), at::tensor({1.0F, 3.0F, 5.0F})));
  CHECK(at::equal(tensors.at("half"), at::tensor({1.5F, -2.0F}).to(at::kHalf)));
  CHECK(at::equal(tensors.at("bfloat"), at::tensor({0.5F, 3.0F}).view({2, 1}).to(at::kBFloat16)));
  CHECK(tensors.at("double").item<double>() == 1e300);
  CHECK(tensors.at("step").dim() == 0);
  CHECK(tensors.at("step").item<int64_t>() == 7);
  CHECK(at::equal(tensors.at("mask"), at::tensor({1, 0}).to(at::kBool)));
  CHECK(at::equal(at::view_as_real(tensors.at("complex")), at::tensor({1.0F, 2.0F}).view({1, 2})));
  CHECK(tensors.at("empty").sizes() == at::IntArrayRef({0, 3}));
  CHECK(at::equal(tensors.at("expanded"), at::full({4}, 3.0F)));
  CHECK(tensors.at("parameter").item<float>() == -std::numeric_limits<float>::infinity());
  CHECK(tensors.at("bytes").item<uint8_t>() == 255);
}

TEST_CASE("unsigned and eight-bit floating dtypes are read") {
  const auto tensors = open_tensors(pickle_fixture("protocol5.pth"));
  CHECK(tensors.at("unsigned").scalar_type() == at::kUInt16);
  CHECK(tensors.at("unsigned").to(at::kLong).item<int64_t>() == 65535);
  CHECK(tensors.at("float8").to(at::kFloat).item<float>() == 1.5F);
}

TEST_CASE("a state dict inside a trainer's checkpoint is opened by its path") {
  const auto tensors = open_tensors(pickle_fixture("trainer.pt"), "trainer.net");
  CHECK(tensors.names() == std::vector<std::string>{"weight", "bias"});
  CHECK(at::equal(tensors.at("bias"), at::tensor({2.0F})));
  CHECK_THROWS_AS(open_tensors(pickle_fixture("trainer.pt")), CheckpointError);
}

TEST_CASE("a converted checkpoint holds the same tensors") {
  const test::TempDir dir;
  const auto from = open_tensors(pickle_fixture("zip.pth"));
  write_safetensors(dir / "out.safetensors", from.entries(), from.metadata);
  const auto to = open_tensors(dir / "out.safetensors");
  REQUIRE(to.names() == from.names());
  for (const auto& [name, tensor] : from) {
    CAPTURE(name);
    CHECK(to.at(name).scalar_type() == tensor.scalar_type());
    CHECK(at::equal(to.at(name), tensor));
  }
}

TEST_CASE("tensors of one storage that the file does not align share one copy of it") {
  const test::TempDir dir;
  std::string opcodes = "}";
  for (const auto* name : {"a", "b", "c"}) opcodes += test::pickled_item(name, test::pickled_tensor());
  std::string bytes;
  for (const std::string folder : {"x", "xx", "xxx", "xxxx"}) {
    bytes = test::zip(
        {{folder + "/data.pkl", "\x80\x02" + opcodes + "."}, {folder + "/data/0", std::string(24, '\x01')}});
    if (bytes.find(std::string(24, '\x01')) % 4 != 0) break;
  }
  REQUIRE(bytes.find(std::string(24, '\x01')) % 4 != 0);
  const auto tensors = open_tensors(dir.write("a.pth", bytes));
  CHECK(tensors.at("a").data_ptr() == tensors.at("b").data_ptr());
  CHECK(tensors.at("a").data_ptr() == tensors.at("c").data_ptr());
  CHECK(at::equal(tensors.at("b").view(at::kInt), at::full({6}, 0x01010101, at::kInt)));
}

}  // namespace
