#include "runtime/epoch_order.h"

#include <algorithm>
#include <numeric>
#include <random>

namespace arzoo::runtime {

int64_t EpochOrder::batches() const { return std::max<int64_t>(1, items_ / batch_size_); }

std::span<const int64_t> EpochOrder::batch(int64_t batch) {
  const int64_t epoch = batch / batches();
  if (epoch != ordered_epoch_) {
    order_.resize(items_);
    std::iota(order_.begin(), order_.end(), int64_t{0});
    // A generator of its own for each epoch: the order needs no state to be resumed.
    std::seed_seq seeds{static_cast<uint32_t>(seed_), static_cast<uint32_t>(seed_ >> 32),
                        static_cast<uint32_t>(epoch)};
    std::mt19937_64 generator(seeds);
    std::shuffle(order_.begin(), order_.end(), generator);
    ordered_epoch_ = epoch;
  }
  const int64_t first = batch % batches() * batch_size_;
  return std::span<const int64_t>(order_).subspan(first, std::min(batch_size_, items_ - first));
}

std::vector<int64_t> spread_items(int64_t all, int64_t wanted) {
  const int64_t count = wanted > 0 ? std::min(all, wanted) : all;
  std::vector<int64_t> items(count);
  for (int64_t i = 0; i < count; ++i) items[i] = i * all / count;
  return items;
}

}  // namespace arzoo::runtime
