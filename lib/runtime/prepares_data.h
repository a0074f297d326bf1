#pragma once

#include <atomic>

namespace arzoo {
class Progress;
}

namespace arzoo::runtime {

/// An experiment that makes its data itself, which takes a while.
class PreparesData {
 public:
  virtual ~PreparesData() = default;
  /// Called once before the first step. Throws Interrupted when `stop` asks for it.
  virtual void prepare_data(Progress& progress, const std::atomic<bool>& stop) = 0;
};

}  // namespace arzoo::runtime
