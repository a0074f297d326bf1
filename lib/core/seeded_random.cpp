#include "core/seeded_random.h"

#include <algorithm>
#include <numeric>

namespace arzoo {
namespace {

std::vector<int64_t> ascending(int64_t size) {
  std::vector<int64_t> numbers(static_cast<std::size_t>(size));
  std::iota(numbers.begin(), numbers.end(), int64_t{0});
  return numbers;
}

}  // namespace

std::vector<uint64_t> item_seeds(uint64_t seed, uint64_t first, std::size_t count) {
  std::vector<uint64_t> seeds;
  for (std::size_t i = 0; i < count; ++i) seeds.push_back(item_seed(seed, first + i));
  return seeds;
}

std::mt19937_64 seeded_engine(std::initializer_list<uint32_t> words) {
  std::seed_seq seeds(words);
  return std::mt19937_64(seeds);
}

double normal(std::mt19937_64& engine) {
  // In this order: a call's arguments have none.
  const double u = 1.0 - uniform(engine), v = uniform(engine);
  return NormalPair(u, v).first();
}

std::vector<int64_t> permutation(int64_t size, std::mt19937_64& engine) {
  auto order = ascending(size);
  std::shuffle(order.begin(), order.end(), engine);
  return order;
}

std::vector<int64_t> sample_indices(int64_t size, int64_t count, std::mt19937_64& engine) {
  auto all = ascending(size);
  for (int64_t i = 0; i < std::min(count, size); ++i) {
    const auto other = i + static_cast<int64_t>(engine() % static_cast<uint64_t>(size - i));
    std::swap(all[static_cast<std::size_t>(i)], all[static_cast<std::size_t>(other)]);
  }
  for (int64_t i = size; i < count; ++i) all.push_back(all[static_cast<std::size_t>(i % size)]);
  all.resize(static_cast<std::size_t>(count));
  return all;
}

}  // namespace arzoo
