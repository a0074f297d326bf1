#pragma once

#include <c10/util/intrusive_ptr.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/error.h"
#include "core/ranks.h"

namespace c10d {
class Store;
}

namespace arzoo::runtime {

/// Notices that another process of a group is gone: each beats in the store once a second, and watches the
/// beats of the next rank.
class RankWatch {
 public:
  /// store: for this object's thread alone; hint: what a user can do about a rank that is gone. `blocked` is
  /// called, on that thread, when a loss is known and end() is not called in the seconds that follow: the
  /// process is stuck in a call that never ends.
  RankWatch(c10::intrusive_ptr<c10d::Store> store, const Ranks& ranks, std::string hint,
            std::function<void(const Error& loss)> blocked);
  ~RankWatch() { end(); }

  /// Why the group is incomplete: "rank 2 of 4 is gone", or what a rank has announced. Waits for it as long
  /// as it takes to notice a loss, since a connection that breaks is known before its reason is.
  std::optional<Error> wait_for_loss();
  /// Tells the others that this rank leaves and why, and waits for them to have read it, a few seconds at
  /// most.
  void announce(const Error& reason);
  /// Watches no more.
  void end();

 private:
  using Clock = std::chrono::steady_clock;

  void work(const std::stop_token& stop);
  /// One round: beats, looks at the next rank, reads what is announced. Returns whether a loss is known.
  bool look();
  void lose(const std::string& announcement);
  /// The announcement of a loss.
  std::string gone(const std::string& who) const;

  c10::intrusive_ptr<c10d::Store> store_;
  Ranks ranks_;
  std::string hint_;
  std::function<void(const Error&)> blocked_;
  int64_t seen_beat_ = -1;
  Clock::time_point seen_at_ = Clock::now();
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Error> loss_;
  std::string announcement_;
  bool announced_ = false;
  std::jthread thread_;  // last: it must be gone before what it uses
};

}  // namespace arzoo::runtime
