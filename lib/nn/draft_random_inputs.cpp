#include "nn/draft_random_inputs.h"

#include <torch/torch.h>

#include "core/error.h"
#include "core/seeded_random.h"
#include "nn/exponential_race.h"

namespace arzoo::nn {
namespace {

constexpr uint64_t kDrafts = 0x647261667473U;

/// The code at which the cumulative probability passes `uniform`.
int64_t code_at(const at::Tensor& p, double uniform) {
  const auto* data = p.const_data_ptr<float>();
  const int64_t codes = p.numel();
  double total = 0.0;
  for (int64_t v = 0; v < codes; ++v) total += data[v];
  double sum = 0.0;
  int64_t last = 0;
  for (int64_t v = 0; v < codes; ++v) {
    if (data[v] <= 0.0F) continue;
    sum += data[v];
    last = v;
    if (sum > uniform * total) break;
  }
  return last;
}

}  // namespace

SeededDrafts::SeededDrafts(uint64_t seed) : seed_(seed), stream_(splitmix64(seed ^ kDrafts)) {}

double SeededDrafts::next() { return uniform_of(stream_, used_++); }

double SeededDrafts::uniform() { return next(); }

int64_t SeededDrafts::following(const at::Tensor& p, int64_t, int64_t) { return code_at(p, next()); }

int64_t SeededDrafts::in_place_of_rejected(const at::Tensor& p, int64_t) { return code_at(p, next()); }

std::vector<int64_t> SeededDrafts::drafts(const at::Tensor& q, int64_t count) {
  std::vector<int64_t> codes;
  auto rest = q;
  for (int64_t i = 0; i < count; ++i) {
    if (i > 0) {
      rest = rest.clone();
      rest[codes.back()] = 0.0F;
    }
    if (!rest.any().item<bool>())
      fail<DataError>(
          "{} drafts of a distribution over {} codes, expected fewer (a smaller tree, or weaker "
          "filters)",
          count, i);
    codes.push_back(code_at(rest, next()));
  }
  return codes;
}

int64_t SeededDrafts::any_code(int64_t codes) {
  return std::min(static_cast<int64_t>(next() * static_cast<double>(codes)), codes - 1);
}

int64_t SharedDrafts::following(const at::Tensor& p, int64_t, int64_t place) {
  auto& numbers = numbers_[place];
  if (!numbers.defined()) {
    // A window only moves on: what lies far behind it is of no more use.
    constexpr int64_t kKept = 256;
    numbers_.erase(numbers_.begin(), numbers_.lower_bound(place - kKept));
    numbers = SeededRandomInputs({seed_}).exponentials(p.view({1, 1, -1}), place).flatten();
  }
  return race_winners(p, numbers).item<int64_t>();
}

}  // namespace arzoo::nn
