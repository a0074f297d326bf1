#include "runtime/memory_budget.h"

#include <c10/core/CPUAllocator.h>

#include "runtime/weights_budget.h"
#include "support/test.h"

using namespace arzoo;
using runtime::WeightsBudget;
using runtime::within_memory;

namespace {

const Config kModel(Json::object(), "a.json", "/model");

constexpr int64_t kPetabyte = int64_t{1} << 50;

}  // namespace

TEST_CASE("a model that fits is built as without a budget") {
  const auto before = c10::GetCPUAllocator();
  const auto made = within_memory(kModel, [] { return at::full({3, 4}, 2.0); });
  CHECK(made.sum().item<double>() == 24.0);
  CHECK(c10::GetCPUAllocator() == before);
}

TEST_CASE("memory is refused before it is taken, and only while the budget lives") {
  const auto before = c10::GetCPUAllocator();
  CHECK_THROWS_AS(within_memory(kModel, [] { return at::empty({kPetabyte}); }), ConfigError);
  CHECK_THROWS_WITH(
      within_memory(kModel, [] { return at::empty({kPetabyte}); }),
      Catch::StartsWith("a.json: /model: asks for at least 4.504e+06 GB of parameters, expected at most"));
  CHECK(c10::GetCPUAllocator() == before);
  CHECK(at::ones({5}).sum().item<double>() == 5.0);
}

TEST_CASE("what is asked for in pieces is added up") {
  // Never touched, so that no page of it is taken.
  const auto piece = static_cast<int64_t>(runtime::memory_limit() / 10);
  int made = 0;
  const auto build = [&] {
    std::vector<at::Tensor> pieces;
    for (; made < 20; ++made) pieces.push_back(at::empty({piece}, at::kByte));
    return made;
  };
  CHECK_THROWS_AS(within_memory(kModel, build), ConfigError);
  CHECK(made == 7);
}

TEST_CASE("a model of numberless layers is refused by their number") {
  const auto build = [] {
    at::Tensor last;
    for (int64_t i = 0; i < 1'000'000; ++i) last = at::empty({1});
    return last;
  };
  CHECK_THROWS_WITH(within_memory(kModel, build),
                    "a.json: /model: asks for more than 20000 tensors (choose fewer layers)");
}

TEST_CASE("sizes that overflow are a mistake of the config, not an internal failure") {
  CHECK_THROWS_AS(within_memory(kModel, [] { return at::empty({kPetabyte, kPetabyte}); }), ConfigError);
}

TEST_CASE("training state beyond the memory is refused with both sizes") {
  CHECK_NOTHROW(runtime::require_memory(kModel, runtime::memory_limit()));
  CHECK_THROWS_WITH(
      runtime::require_memory(kModel, uint64_t{1} << 60),
      ContainsSubstring("a.json: /model: training takes 1.153e+09 GB for weights, gradients and moments"));
}

TEST_CASE("a model whose weights are at hand may ask for 64 MB and 8 times what they are") {
  const test::TempDir temp;
  const auto file = temp.write("folder/weights", std::string(1'000'000, 'w'));
  const auto ask = [](int64_t bytes) {
    return within_memory(kModel, [bytes] { return at::empty({bytes}, at::kByte); });
  };
  for (const auto& path : {file, file.parent_path()}) {
    const WeightsBudget budget(path);
    CHECK(ask(72'000'000).numel() == 72'000'000);
    CHECK_THROWS_WITH(
        ask(72'000'001),
        "a.json: /model: asks for more than 0.072 GB of parameters, far more than its weights are (is "
        "this the config of another model?)");
  }
  CHECK_NOTHROW(ask(72'000'001));
}
