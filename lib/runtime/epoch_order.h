#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace arzoo::runtime {

/// The order in which an epoch visits the items of the training split: a shuffle that depends on seed and
/// epoch alone, so that a resumed run needs no state for it. Not for two threads at once.
class EpochOrder {
 public:
  EpochOrder(int64_t items, int64_t seed, int64_t batch_size)
      : items_(items), seed_(seed), batch_size_(batch_size) {}

  /// The official loaders drop the last, incomplete batch; less than one batch is one batch.
  int64_t batches() const;
  /// The items of batch `batch`, counted over all epochs; valid until the next call.
  std::span<const int64_t> batch(int64_t batch);

 private:
  int64_t items_, seed_, batch_size_;
  int64_t ordered_epoch_ = -1;
  std::vector<int64_t> order_;
};

/// A generator for the random inputs of batch `batch`: a function of these numbers alone, as the order is.
std::mt19937_64 batch_generator(int64_t seed, int64_t batch);

/// `wanted` of `all` items, evenly spread; all of them when `wanted` is 0 or too many.
std::vector<int64_t> spread_items(int64_t all, int64_t wanted);

}  // namespace arzoo::runtime
