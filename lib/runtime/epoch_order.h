#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "core/share.h"

namespace arzoo::runtime {

/// The order in which an epoch visits the items of the training split: a shuffle that depends on seed and
/// epoch alone, so that a resumed run needs no state for it. Not for two threads at once.
class EpochOrder {
 public:
  /// share: of each batch, for one of several processes. Throws ConfigError when a batch has too few items
  /// for each of them to have one.
  EpochOrder(int64_t items, int64_t seed, int64_t batch_size, const Share& share = {});

  /// The official loaders drop the last, incomplete batch; less than one batch is one batch.
  int64_t batches() const;
  /// This process's items of batch `batch`, counted over all epochs; valid until the next call.
  std::span<const int64_t> batch(int64_t batch);

 private:
  int64_t items_, seed_, batch_size_;
  Share share_;
  int64_t ordered_epoch_ = -1;
  std::vector<int64_t> order_;
};

/// A generator for the random inputs of a share of batch `batch`: a function of these numbers alone, as the
/// order is.
std::mt19937_64 batch_generator(int64_t seed, int64_t batch, const Share& share = {});

/// `wanted` of `all` items, evenly spread; all of them when `wanted` is 0 or too many.
std::vector<int64_t> spread_items(int64_t all, int64_t wanted);

}  // namespace arzoo::runtime
