#include "forecast/data/length_batches.h"

#include <algorithm>
#include <numeric>

namespace arzoo::forecast {

std::vector<std::vector<std::size_t>> length_batches(const std::vector<int64_t>& lengths, int64_t ahead,
                                                     std::size_t most_rows, int64_t most_tokens) {
  std::vector<std::size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return lengths[a] < lengths[b]; });
  std::vector<std::vector<std::size_t>> batches;
  for (const auto i : order) {
    const auto fits = [&](const std::vector<std::size_t>& batch) {
      const auto rows = static_cast<int64_t>(batch.size()) + 1;
      return batch.size() < most_rows && rows * (lengths[i] + ahead) <= most_tokens &&
             lengths[i] * 4 <= lengths[batch.front()] * 5;
    };
    if (batches.empty() || !fits(batches.back())) batches.emplace_back();
    batches.back().push_back(i);
  }
  return batches;
}

}  // namespace arzoo::forecast
