#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace arzoo::runtime {

/// Makes items 0, 1, 2, … ahead of their use on one thread of its own. `make(i)` must depend on i alone.
template <class Item>
class Prefetcher {
 public:
  explicit Prefetcher(std::function<Item(int64_t)> make, std::size_t depth = 4)
      : make_(std::move(make)), depth_(depth) {}

  ~Prefetcher() { stop(); }
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /// Item `index`: waiting already when items are asked for in order; any other index starts the sequence
  /// anew there. Rethrows what make() threw.
  Item get(int64_t index) {
    if (!worker_.joinable() || index != next_out_) restart(index);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !ready_.empty() || error_; });
    if (ready_.empty()) std::rethrow_exception(error_);
    Item item = std::move(ready_.front());
    ready_.pop_front();
    ++next_out_;
    changed_.notify_all();
    return item;
  }

 private:
  void stop() {
    if (!worker_.joinable()) return;
    worker_.request_stop();
    worker_.join();
  }

  void restart(int64_t index) {
    stop();
    ready_.clear();
    error_ = nullptr;
    next_out_ = index;
    worker_ = std::jthread([this, index](const std::stop_token& stop) { work(stop, index); });
  }

  void work(const std::stop_token& stop, int64_t index) {
    std::stop_callback wake(stop, [this] {
      const std::lock_guard lock(mutex_);
      changed_.notify_all();
    });
    for (; !stop.stop_requested(); ++index) {
      try {
        Item item = make_(index);
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return ready_.size() < depth_ || stop.stop_requested(); });
        ready_.push_back(std::move(item));
      } catch (...) {
        const std::lock_guard lock(mutex_);
        error_ = std::current_exception();
        changed_.notify_all();
        return;
      }
      changed_.notify_all();
    }
  }

  std::function<Item(int64_t)> make_;
  std::size_t depth_;
  int64_t next_out_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> ready_;
  std::exception_ptr error_;
  std::jthread worker_;  // last: it must be gone before what it uses
};

}  // namespace arzoo::runtime
