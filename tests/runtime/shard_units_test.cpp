#include "runtime/shard_units.h"

#include "support/test.h"

using namespace arzoo;
using runtime::shard_units;

namespace {

std::shared_ptr<torch::nn::Module> linear(int64_t width) {
  return torch::nn::Linear(torch::nn::LinearOptions(width, width).bias(false)).ptr();
}

/// An embedding, three blocks with lists of their own, a list of small maps, and a head.
torch::nn::Module model_of_lists() {
  torch::nn::Module model;
  model.register_module("embed", linear(2));
  torch::nn::ModuleList blocks, small;
  for (int i = 0; i < 3; ++i) {
    auto block = std::make_shared<torch::nn::Module>();
    torch::nn::ModuleList experts;
    for (int e = 0; e < 2; ++e) experts->push_back(linear(10));
    block->register_module("experts", experts.ptr());
    blocks->push_back(block);
    small->push_back(linear(5));
  }
  auto inner = model.register_module("inner", std::make_shared<torch::nn::Module>());
  inner->register_module("layers", blocks.ptr());
  model.register_module("small", small.ptr());
  model.register_module("head", linear(3));
  return model;
}

}  // namespace

TEST_CASE(
    "the children of the outermost lists are units, small neighbours share one, the rest is the first") {
  const auto model = model_of_lists();
  const auto units = shard_units(model, 50);
  std::vector<std::string> names;
  std::vector<std::size_t> sizes;
  for (const auto& unit : units) {
    names.push_back(unit.name);
    sizes.push_back(unit.parameters.size());
  }
  CHECK(names == std::vector<std::string>{"", "inner.layers.0", "inner.layers.1", "inner.layers.2", "small.0",
                                          "small.2"});
  CHECK(sizes == std::vector<std::size_t>{2, 2, 2, 2, 2, 1});
  CHECK(units[1].parameters[1].name == "inner.layers.0.experts.1.weight");
}

TEST_CASE("a parameter that two modules share is in one unit") {
  torch::nn::Module model;
  const auto shared = linear(8);
  model.register_module("embed", shared);
  torch::nn::ModuleList blocks;
  for (int i = 0; i < 2; ++i) blocks->push_back(linear(8));
  model.register_module("layers", blocks.ptr());
  model.register_module("head", shared);
  const auto units = shard_units(model, 1);
  REQUIRE(units.size() == 3);
  CHECK(units.front().parameters.size() == 1);
}
