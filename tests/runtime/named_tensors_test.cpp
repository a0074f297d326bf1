#include "support/test.h"

#include "core/error.h"
#include "runtime/named_tensors.h"
#include "runtime/safetensors.h"

using namespace arzoo;
using namespace arzoo::runtime;

namespace {

/// Parameters, buffers and children, registered in an order of their own.
struct Block : torch::nn::Module {
  Block() {
    child = register_module("child", torch::nn::Linear(torch::nn::LinearOptions(2, 3).bias(false)));
    steps = register_buffer("steps", at::zeros({1}, at::kLong));
    scale = register_parameter("scale", at::ones({3}));
    register_parameter("unused", at::Tensor(), /*requires_grad=*/false);
  }
  torch::nn::Linear child{nullptr};
  at::Tensor steps, scale;
};

struct Net : torch::nn::Module {
  Net() {
    first = register_module("first", std::make_shared<Block>());
    head = register_module("head", torch::nn::Linear(3, 1));
  }
  std::shared_ptr<Block> first;
  torch::nn::Linear head{nullptr};
};

/// The net's own tensors, each replaced by `value`, those for which `change` gives another changed or, if
/// undefined, left out.
NamedTensors weights(const torch::nn::Module& net, double value,
                     const std::function<at::Tensor(const std::string&, const at::Tensor&)>& change = {}) {
  NamedTensors tensors("w.safetensors");
  for (const auto& [name, tensor] : state_dict(net)) {
    auto filled = at::full_like(tensor, value);
    if (change) filled = change(name, filled);
    if (filled.defined()) tensors.add(name, filled);
  }
  return tensors;
}

TEST_CASE("names keep their order and are found") {
  NamedTensors tensors("file");
  tensors.add("b", at::ones({1}));
  tensors.add("a", at::zeros({1}));
  CHECK(tensors.names() == std::vector<std::string>{"b", "a"});
  CHECK(tensors.find("c") == nullptr);
  CHECK(tensors.at("a").item<float>() == 0.0F);
  CHECK_THROWS_WITH(tensors.add("a", at::ones({1})), "file: \"a\" stands twice");
  CHECK_THROWS_WITH(tensors.at("aaaaaaaa"), "file: no tensor \"aaaaaaaa\"");
}

TEST_CASE("the state dict has Python's names and order") {
  const Net net;
  CHECK(state_dict(net).names() == std::vector<std::string>{"first.scale", "first.steps",
                                                            "first.child.weight", "head.weight",
                                                            "head.bias"});
  CHECK_FALSE(state_dict(net).at("head.weight").requires_grad());
}

TEST_CASE("fitting weights are copied in place and without autograd") {
  Net net;
  const auto* before = net.head->weight.const_data_ptr();
  load_strictly(net, weights(net, 2.0), "w.safetensors");
  for (const auto& [name, tensor] : state_dict(net)) {
    CAPTURE(name);
    CHECK(at::equal(tensor, at::full_like(tensor, 2.0)));
  }
  CHECK(net.head->weight.const_data_ptr() == before);
  CHECK(net.head->weight.requires_grad());
  CHECK(net.head->weight.is_leaf());
}

TEST_CASE("a floating-point type is converted, an integer is not") {
  Net net;
  const auto to = [&](const std::string& chosen, at::ScalarType type) {
    return weights(net, 2.0, [&](const std::string& name, const at::Tensor& tensor) {
      return name == chosen ? tensor.to(type) : tensor;
    });
  };
  load_strictly(net, to("head.weight", at::kBFloat16), "w");
  CHECK(net.head->weight.scalar_type() == at::kFloat);
  CHECK(net.head->weight[0][0].item<float>() == 2.0F);
  CHECK_THROWS_WITH(load_strictly(net, to("head.weight", at::kLong), "w"),
                    "w: does not fit the model: 1 mistyped (\"head.weight\" is Long, expected Float)");
  CHECK_THROWS_WITH(load_strictly(net, to("first.steps", at::kInt), "w"),
                    ContainsSubstring("\"first.steps\" is Int, expected Long"));
}

TEST_CASE("all that does not fit is told at once and nothing is copied") {
  Net net;
  auto tensors = weights(net, 2.0, [](const std::string& name, const at::Tensor& tensor) {
    if (name == "head.bias" || name == "first.scale") return at::Tensor();
    return name == "head.weight" ? tensor.t() : tensor;
  });
  tensors.add("head.bais", at::ones({1}));
  CHECK_THROWS_AS(load_strictly(net, tensors, "w"), CheckpointError);
  CHECK_THROWS_WITH(
      load_strictly(net, tensors, "w"),
      "w: does not fit the model: 2 missing (\"first.scale\", \"head.bias\" — is it \"head.bais\"?); "
      "1 unknown (\"head.bais\"); 1 misshapen (\"head.weight\" is [3, 1], expected [1, 3])");
  CHECK(net.first->steps.item<int64_t>() == 0);
}

TEST_CASE("of many faults the first eight are named") {
  Net net;
  auto tensors = weights(net, 1.0);
  for (int i = 0; i < 10; ++i) tensors.add("foreign." + std::to_string(i), at::ones({1}));
  CHECK_THROWS_WITH(load_strictly(net, tensors, "w"),
                    ContainsSubstring("10 unknown (\"foreign.0\"") && ContainsSubstring("\"foreign.7\", …)"));
}

TEST_CASE("an ignored name may be foreign, missing or of another shape, and is loaded when it fits") {
  const auto ignored = [](std::string_view name) {
    return name.find("steps") != name.npos || name == "inv_freq";
  };
  Net net;
  const auto steps = GENERATE(at::Tensor(), at::ones({5}, at::kLong), at::full({1}, 9, at::kLong));
  auto tensors = weights(net, 2.0, [&](const std::string& name, const at::Tensor& tensor) {
    return name == "first.steps" ? steps : tensor;
  });
  tensors.add("inv_freq", at::ones({4}));
  load_strictly(net, tensors, "w", ignored);
  const bool fits = steps.defined() && steps.numel() == 1;
  CHECK(net.first->steps.item<int64_t>() == (fits ? 9 : 0));
  CHECK(net.head->bias.item<float>() == 2.0F);
}

TEST_CASE("tables that a model computes may be absent or foreign, parameters of such names may not") {
  struct WithTables : torch::nn::Module {
    WithTables() {
      mask = register_buffer("mask", at::ones({2, 2}));
      weight = register_parameter("weight", at::zeros({2}));
    }
    at::Tensor mask, weight;
  };
  WithTables net;
  NamedTensors tensors("w");
  tensors.add("weight", at::ones({2}));
  tensors.add("h.0.attn.bias", at::ones({1, 1, 4, 4}));
  tensors.add("h.0.attn.masked_bias", at::full({}, -1e4));
  tensors.add("h.0.rotary_emb.inv_freq", at::ones({4}));
  load_strictly(net, tensors, "w");
  CHECK(at::equal(net.mask, at::ones({2, 2})));
  CHECK(at::equal(net.weight, at::ones({2})));
  take_strictly(net, tensors, at::kFloat, "w");
  tensors.add("mask", at::zeros({3, 3}));
  CHECK_THROWS_WITH(load_strictly(net, tensors, "w"), ContainsSubstring("1 misshapen (\"mask\" is [3, 3]"));

  NamedTensors biased("w");
  biased.add("weight", at::ones({2}));
  biased.add("h.0.attn.bias", at::ones({4}));
  CHECK_THROWS_WITH(load_strictly(net, biased, "w"), ContainsSubstring("1 unknown (\"h.0.attn.bias\")"));
  struct WithParameter : torch::nn::Module {
    WithParameter() { register_parameter("mask", at::zeros({2})); }
  } parameter;
  CHECK_THROWS_WITH(load_strictly(parameter, NamedTensors("w"), "w"),
                    ContainsSubstring("1 missing (\"mask\")"));
}

TEST_CASE("a layer's bias is not taken for its weight") {
  NamedTensors tensors("w");
  tensors.add("head.bias", at::ones({1}));
  CHECK_THROWS_WITH(tensors.at("head.weight"), "w: no tensor \"head.weight\"");
  CHECK_THROWS_WITH(tensors.at("head.bais"), ContainsSubstring("did you mean \"head.bias\"?"));
}

TEST_CASE("a saved module loads into another and is equal") {
  const test::TempDir dir;
  const Net from;
  write_safetensors(dir / "model.safetensors", state_dict(from).entries(), {{"format", "pt"}});
  Net to;
  load_strictly(to, open_tensors(dir.path()), "model.safetensors");
  const auto expected = state_dict(from), actual = state_dict(to);
  REQUIRE(actual.names() == expected.names());
  for (const auto& [name, tensor] : expected) CHECK(at::equal(actual.at(name), tensor));
}

TEST_CASE("shards are joined into tensors that can be written as one file") {
  const test::TempDir dir;
  write_safetensors(dir / "1.safetensors", {{"a", at::ones({2})}}, {{"format", "pt"}});
  write_safetensors(dir / "2.safetensors", {{"b", at::zeros({1})}}, {{"format", "pt"}});
  dir.write("model.safetensors.index.json", R"({"weight_map":{"a":"1.safetensors","b":"2.safetensors"}})");
  const auto tensors = open_tensors(dir.path());
  CHECK(tensors.names() == std::vector<std::string>{"a", "b"});
  write_safetensors(dir / "one.safetensors", tensors.entries(), tensors.metadata);
  CHECK(at::equal(open_tensors(dir / "one.safetensors").at("a"), at::ones({2})));
}

}  // namespace
