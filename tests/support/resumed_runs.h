#pragma once

#include "support/stepping_progress.h"
#include "support/tasks.h"

namespace arzoo::test {

/// Trains until `step` steps are done, is interrupted there, and goes on to the end.
inline void train_interrupted(plan::TrainTask task, int64_t step) {
  std::atomic<bool> stop = false;
  SteppingProgress progress([&](int64_t done) { stop = done >= step; });
  CHECK_THROWS_AS(tasks::train(task, progress, stop), Interrupted);
  task.resume = true;
  train(task);
}

/// Both runs left the same, byte for byte.
inline void check_same_run(const fs::path& a, const fs::path& b) {
  for (const char* file : {"metrics.jsonl", "model/model.safetensors", "last/training.safetensors"}) {
    INFO(file);
    CHECK(read_file(a / file) == read_file(b / file));
  }
}

}  // namespace arzoo::test
