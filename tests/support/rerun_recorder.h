#pragma once

#include "runtime/step_graph.h"

namespace arzoo::test {

struct RecorderCounts {
  int recorded = 0, replayed = 0;
};

/// A recorder for CPUs: it keeps the step and runs it again.
inline runtime::RecorderFunction rerun_recorder(RecorderCounts& counts) {
  class Rerun : public runtime::RecordedOperations {
   public:
    explicit Rerun(RecorderCounts& counts) : counts_(counts) {}
    void record(const std::function<void()>& step) override {
      ++counts_.recorded;
      step_ = step;
    }
    void replay() override {
      ++counts_.replayed;
      step_();
    }

   private:
    RecorderCounts& counts_;
    std::function<void()> step_;
  };
  return [&counts] { return std::make_unique<Rerun>(counts); };
}

}  // namespace arzoo::test
