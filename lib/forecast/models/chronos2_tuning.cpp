#include "forecast/models/chronos2_tuning.h"

#include <torch/torch.h>

#include <cmath>

namespace arzoo::forecast {

TuningWindows::TuningWindows(std::span<const ZeroShotSeries> series, const TuningOptions& options)
    : options_(options) {
  auto all = chronos2_rows(series, 0);
  for (auto& task : all) {
    if (task.context.size(1) < options.min_past + options.horizon)
      ++left_out_;
    else
      tasks_.push_back(std::move(task));
  }
  if (tasks_.empty())
    fail<DataError>("no series has {} steps (min_past {} + pred_len {}), of {} series",
                    options.min_past + options.horizon, options.min_past, options.horizon, series.size());
}

TuningBatch TuningWindows::batch_of(const std::vector<Cut>& cuts) const {
  std::vector<Chronos2Rows> windows;
  std::vector<at::Tensor> targets;
  for (const auto& [series, place] : cuts) {
    const auto& task = tasks_[series];
    const auto ahead = task.context.narrow(1, place, options_.horizon);
    const int64_t rows = ahead.size(0), past_only = rows - task.known;
    auto target = at::full_like(ahead, NAN), future = at::full_like(ahead, NAN);
    target.narrow(0, 0, task.targets).copy_(ahead.narrow(0, 0, task.targets));
    future.narrow(0, past_only, task.known).copy_(ahead.narrow(0, past_only, task.known));
    windows.push_back({task.context.narrow(1, 0, place), future, task.targets, task.known});
    targets.push_back(target);
  }
  std::vector<const Chronos2Rows*> members;
  for (const auto& window : windows) members.push_back(&window);
  TuningBatch batch{chronos2_batch(members, options_.context_length, /*one_group=*/false), at::cat(targets)};
  return batch;
}

TuningBatch TuningWindows::random_batch(const RandomInteger& random) const {
  std::vector<Cut> cuts;
  for (int64_t rows = 0; rows < options_.batch_size;) {
    cuts.push_back({static_cast<std::size_t>(random(0, series())), 0});
    rows += tasks_[cuts.back().series].context.size(0);
  }
  for (auto& cut : cuts) {
    const int64_t steps = tasks_[cut.series].context.size(1);
    cut.place = random(options_.min_past, steps - options_.horizon + 1);
  }
  return batch_of(cuts);
}

TuningBatch TuningWindows::last_windows(std::span<const std::size_t> series) const {
  std::vector<Cut> cuts;
  for (const auto i : series) cuts.push_back({i, tasks_[i].context.size(1) - options_.horizon});
  return batch_of(cuts);
}

}  // namespace arzoo::forecast
