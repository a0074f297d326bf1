#include "runtime/postponed_weights.h"

#include <optional>

#include "runtime/device.h"
#include "runtime/named_tensors.h"
#include "runtime/safetensors.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::runtime;

namespace {

constexpr int64_t kRows = 600, kColumns = 500;  // 1.2 MB

/// Large and small weights, filled twice, scaled, in part set to zero.
struct Layers : torch::nn::Module {
  Layers() {
    for (const int64_t rows : {kRows, int64_t{3}, 2 * kRows}) {
      auto layer = register_module(std::to_string(rows), torch::nn::Linear(kColumns, rows));
      const torch::NoGradGuard no_grad;
      layer->weight.normal_(0.0, 0.02);
      layer->weight.mul_(3.0).add_(0.5);
      layer->weight.narrow(0, 0, 2).zero_();
      layer->weight[1].normal_();
    }
    // As LibTorch's own trunc_normal_ does not exist in C++.
    auto cut = register_parameter("cut", at::empty({kRows, kColumns}));
    const torch::NoGradGuard no_grad;
    cut.uniform_(-0.9, 0.9).erfinv_().mul_(1.4).clamp_(-1.0, 1.0);
  }
};

void check_equal(const torch::nn::Module& one, const torch::nn::Module& other) {
  const auto wanted = other.named_parameters();
  for (const auto& parameter : one.named_parameters()) {
    INFO(parameter.key());
    CHECK(at::equal(parameter.value(), wanted[parameter.key()]));
  }
}

}  // namespace

TEST_CASE("weights that are made later are the same to the bit, and so are the random numbers after them") {
  torch::manual_seed(3);
  const Layers plain;
  const auto next = at::randn({5});
  torch::manual_seed(3);
  std::optional<PostponedWeights> postponed(std::in_place);
  const Layers later;
  CHECK(at::equal(at::randn({5}), next));
  SECTION("when something reads them, in any order") {
    auto parameters = later.parameters();
    std::reverse(parameters.begin(), parameters.end());
    for (const auto& parameter : parameters) CHECK(std::isfinite(parameter.sum().item<double>()));
    check_equal(later, plain);
  }
  SECTION("when the postponing ends") {
    postponed.reset();
    check_equal(later, plain);
  }
  SECTION("when another type is made of them") {
    for (auto& parameter : later.parameters()) parameter.set_data(parameter.detach().to(at::kDouble));
    const auto wanted = plain.parameters();
    for (std::size_t i = 0; i < wanted.size(); ++i)
      CHECK(at::equal(later.parameters()[i], wanted[i].to(at::kDouble)));
  }
}

TEST_CASE("nothing is filled before it is read, and moving a model to where it is reads nothing") {
  torch::manual_seed(1);
  const PostponedWeights postponed;
  torch::nn::Linear layer(kColumns, kRows);
  constexpr float kMark = 7.0F;  // in memory that nobody has filled
  auto* const numbers = layer->weight.mutable_data_ptr<float>();
  std::fill_n(numbers, 100, kMark);
  const auto untouched = [&] {
    return std::all_of(numbers, numbers + 100, [](float x) { return x == kMark; });
  };
  layer->to(at::kCPU);
  CHECK(untouched());
  const auto view = layer->weight.t().narrow(0, 0, 5);
  CHECK(untouched());
  CHECK(view.abs().max().item<double>() < 1.0);
  CHECK_FALSE(untouched());
}

TEST_CASE("weights from a mapped file take the place of random ones when they are read") {
  const test::TempDir dir;
  torch::nn::Linear source(kColumns, kRows);
  write_safetensors(dir.path() / "w.safetensors", state_dict(*source).entries());
  const auto stored = open_tensors(dir.path() / "w.safetensors");
  std::optional<PostponedWeights> postponed(std::in_place);
  torch::nn::Linear target(kColumns, kRows);
  load_strictly(*target, stored, "w.safetensors");
  SECTION("in part") { CHECK(at::equal(target->weight.narrow(0, 5, 3), source->weight.narrow(0, 5, 3))); }
  SECTION("after the end") { postponed.reset(); }
  CHECK(at::equal(target->weight, source->weight));
  CHECK(at::equal(target->bias, source->bias));
}

TEST_CASE("memory that is not a weight's is copied from at once") {
  std::vector<float> numbers(static_cast<std::size_t>(kRows * kColumns), 1.0F);
  const PostponedWeights postponed;
  auto copy = at::empty({kRows, kColumns});
  copy.copy_(at::from_blob(numbers.data(), {kRows, kColumns}));
  numbers.assign(numbers.size(), 2.0F);
  CHECK(copy.max().item<float>() == 1.0F);
}
