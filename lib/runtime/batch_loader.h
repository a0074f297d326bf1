#pragma once

#include "core/config.h"
#include "runtime/epoch_order.h"
#include "runtime/experiment.h"
#include "runtime/prefetcher.h"
#include "runtime/training_options.h"

namespace arzoo::runtime {

/// Training batches of a data source, made ahead of their use, and its items to evaluate and to show. The
/// source has size(split) and batch(split, items, random), where random is null outside training.
template <class Data, class Batch>
class BatchLoader {
 public:
  /// config: resolved; share: of each training batch. data must outlive this.
  BatchLoader(const Data& data, const Config& config, const Share& share = {})
      : data_(data),
        seed_(config.json().at("seed").get<int64_t>()),
        order_(data.size(Split::train), seed_, config.at("training").as<TrainingOptions>().batch_size, share),
        ahead_([this, share](int64_t batch) {
          auto random = batch_generator(seed_, batch, share);
          return data_.batch(Split::train, order_.batch(batch), &random);
        }) {}

  int64_t batches_per_epoch() const { return order_.batches(); }
  /// Training batch `batch`, counted over all epochs; valid until the next call.
  const Batch& get(int64_t batch) {
    if (batch != held_batch_) held_ = ahead_.get(batch);
    held_batch_ = batch;
    return held_;
  }
  /// Calls `visit` with items of a split and their batch, `batch_size` at a time; in inference mode.
  template <class Visit>
  void each(Split split, std::span<const int64_t> items, int64_t batch_size, const Visit& visit) const {
    const c10::InferenceMode inference;
    const auto most = static_cast<std::size_t>(batch_size);
    for (std::size_t first = 0; first < items.size(); first += most) {
      const auto part = items.subspan(first, std::min(most, items.size() - first));
      visit(part, data_.batch(split, part, nullptr));
    }
  }
  /// A few items to show, of the test split, or of the one that validates, or of those trained on.
  std::pair<Split, std::vector<int64_t>> shown(int64_t count) const {
    const auto split = data_.size(Split::test) > 0  ? Split::test
                       : data_.size(Split::val) > 0 ? Split::val
                                                    : Split::train;
    if (count == 0) return {split, {}};
    return {split, spread_items(data_.size(split), count)};
  }

 private:
  const Data& data_;
  int64_t seed_;
  EpochOrder order_;  ///< the other thread's alone, but for batches()
  Prefetcher<Batch> ahead_;
  int64_t held_batch_ = -1;
  Batch held_;
};

}  // namespace arzoo::runtime
