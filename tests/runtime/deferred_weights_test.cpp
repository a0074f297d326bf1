#include "runtime/deferred_weights.h"

#include "core/error.h"
#include "runtime/named_tensors.h"
#include "runtime/safetensors.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::runtime;

TEST_CASE("random weights are not generated while deferred, and are again afterwards") {
  torch::manual_seed(1);
  auto fixed = at::zeros({4});
  {
    const DeferredWeights deferred;
    fixed.normal_();
    fixed.uniform_(1, 2);
    const torch::nn::Linear layer(3, 2);
    CHECK(layer->weight.sizes() == at::IntArrayRef({2, 3}));
    CHECK(at::arange(3).sum().item<int64_t>() == 3);
  }
  CHECK(at::equal(fixed, at::zeros({4})));
  fixed.normal_();
  CHECK(fixed.abs().min().item<double>() > 0);
}

TEST_CASE("taken weights lie in the file's pages where they have the type asked for") {
  const test::TempDir dir;
  torch::nn::Linear source(3, 2);
  write_safetensors(dir.path() / "w.safetensors", state_dict(*source).entries());
  const auto stored = open_tensors(dir.path() / "w.safetensors");
  const auto type = GENERATE(at::kFloat, at::kBFloat16);
  torch::nn::Linear target{nullptr};
  {
    const DeferredWeights deferred;
    target = torch::nn::Linear(3, 2);
  }
  take_strictly(*target, stored, type, "w.safetensors");
  CHECK(at::equal(target->weight, source->weight.to(type)));
  CHECK(target->bias.scalar_type() == type);
  const bool mapped = target->weight.const_data_ptr() == stored.at("weight").const_data_ptr();
  CHECK(mapped == (type == at::kFloat));
  CHECK(target->weight.requires_grad());
}

TEST_CASE("weights that do not fit are not taken, none of them") {
  torch::nn::Linear target(3, 2);
  const auto before = target->weight.clone();
  NamedTensors wrong("w");
  wrong.add("weight", at::ones({2, 3}));
  wrong.add("bias", at::ones({5}));
  CHECK_THROWS_AS(take_strictly(*target, wrong, at::kFloat, "w"), CheckpointError);
  CHECK(at::equal(target->weight, before));
}
