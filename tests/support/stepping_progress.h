#pragma once

#include <functional>

#include "core/progress.h"

namespace arzoo::test {

/// Calls `hook` with the number of steps done so far, from 1: a test's way to interrupt a run at a given
/// step.
class SteppingProgress : public SilentProgress {
 public:
  explicit SteppingProgress(std::function<void(int64_t)> hook) : hook_(std::move(hook)) {}

 private:
  void do_step(const NamedValues&, int64_t count) override { hook_(steps_ += count); }

  std::function<void(int64_t)> hook_;
  int64_t steps_ = 0;
};

}  // namespace arzoo::test
