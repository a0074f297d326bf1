#include "runtime/epoch_order.h"

#include <algorithm>

#include "core/error.h"
#include "core/seeded_random.h"

namespace arzoo::runtime {
namespace {

// The seeds of different purposes differ in length.
enum class Purpose { order, batch };

/// A generator of its own for each epoch and batch: resuming needs no stored generator state.
std::mt19937_64 seeded(int64_t seed, int64_t number, Purpose purpose) {
  const auto of_run = static_cast<uint64_t>(seed), own = static_cast<uint64_t>(number);
  if (purpose == Purpose::order) return seeded_engine({low_word(of_run), high_word(of_run), low_word(own)});
  return seeded_engine({low_word(of_run), high_word(of_run), low_word(own), high_word(own)});
}

}  // namespace

EpochOrder::EpochOrder(int64_t items, int64_t seed, int64_t batch_size, const Share& share)
    : items_(items), seed_(seed), batch_size_(batch_size), share_(share) {
  const int64_t least = std::min(items, batch_size);
  if (!share.is_all() && least < share.count)
    fail<ConfigError>(
        "training.batch_size: a batch of {} for {} processes, expected at least one item for each", least,
        share.count);
}

int64_t EpochOrder::batches() const { return std::max<int64_t>(1, items_ / batch_size_); }

std::span<const int64_t> EpochOrder::batch(int64_t batch) {
  const int64_t epoch = batch / batches();
  if (epoch != ordered_epoch_) {
    auto generator = seeded(seed_, epoch, Purpose::order);
    order_ = permutation(items_, generator);
    ordered_epoch_ = epoch;
  }
  const int64_t first = batch % batches() * batch_size_;
  const int64_t size = std::min(batch_size_, items_ - first);
  return std::span<const int64_t>(order_).subspan(first + share_.first(size), share_.size(size));
}

std::mt19937_64 batch_generator(int64_t seed, int64_t batch, const Share& share) {
  if (share.is_all()) return seeded(seed, batch, Purpose::batch);
  const auto of_run = static_cast<uint64_t>(seed), own = static_cast<uint64_t>(batch);
  return seeded_engine({low_word(of_run), high_word(of_run), low_word(own), high_word(own),
                        static_cast<uint32_t>(share.index), static_cast<uint32_t>(share.count)});
}

std::vector<int64_t> spread_items(int64_t all, int64_t wanted) {
  const int64_t count = wanted > 0 ? std::min(all, wanted) : all;
  std::vector<int64_t> items(count);
  for (int64_t i = 0; i < count; ++i) items[i] = i * all / count;
  return items;
}

}  // namespace arzoo::runtime
