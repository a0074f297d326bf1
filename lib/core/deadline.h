#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/stop.h"

namespace arzoo {

/// Asks a piece of work to stop when its time is over, or when the command is asked to end.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  Deadline(Clock::time_point end, Stop command)
      : watch_([this, end, &command](const std::stop_token& done) {
          std::unique_lock lock(mutex_);
          while (!done.stop_requested() && !command.load() && Clock::now() < end)
            wake_.wait_for(lock, done, std::chrono::milliseconds(50), [] { return false; });
          over_ = true;
        }) {}

  Stop over() const { return over_; }

 private:
  std::atomic<bool> over_ = false;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread watch_;  // last: it uses the others
};

}  // namespace arzoo
