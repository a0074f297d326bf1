#include "runtime/epoch_order.h"

#include <algorithm>

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

int64_t EpochOrder::batches() const { return std::max<int64_t>(1, items_ / batch_size_); }

std::span<const int64_t> EpochOrder::batch(int64_t batch) {
  const int64_t epoch = batch / batches();
  if (epoch != ordered_epoch_) {
    auto generator = seeded(seed_, epoch, Purpose::order);
    order_ = permutation(items_, generator);
    ordered_epoch_ = epoch;
  }
  const int64_t first = batch % batches() * batch_size_;
  return std::span<const int64_t>(order_).subspan(first, std::min(batch_size_, items_ - first));
}

std::mt19937_64 batch_generator(int64_t seed, int64_t batch) { return seeded(seed, batch, Purpose::batch); }

std::vector<int64_t> spread_items(int64_t all, int64_t wanted) {
  const int64_t count = wanted > 0 ? std::min(all, wanted) : all;
  std::vector<int64_t> items(count);
  for (int64_t i = 0; i < count; ++i) items[i] = i * all / count;
  return items;
}

}  // namespace arzoo::runtime
