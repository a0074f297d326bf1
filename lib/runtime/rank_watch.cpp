#include "runtime/rank_watch.h"

#include <fmt/format.h>

#include <cstdlib>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace arzoo::runtime {
namespace {

using namespace std::chrono_literals;

constexpr auto kPeriod = 500ms;
constexpr auto kStale = 8s;            // a busy machine may keep a beat back for seconds
constexpr auto kNotice = kStale + 3s;  // in which any loss is known to all
constexpr auto kGrace = 5s;            // in which a call should have failed by itself
constexpr auto kAcknowledgement = 4s;
constexpr auto kAsk = 50ms;

constexpr const char* kLossKey = "lost";
constexpr const char* kReadersKey = "lost/readers";

/// "1 3 text": an error as it travels, and how many will read it.
std::string announcement_of(const Error& error, int64_t readers) {
  return fmt::format("{} {} {}", static_cast<int>(error.exit_code()), readers, error.what());
}

struct Announcement {
  explicit Announcement(const std::string& text) {
    char* rest = nullptr;
    const auto code = std::strtol(text.c_str(), &rest, 10);
    readers = std::strtol(rest, &rest, 10);
    error = Error(static_cast<ExitCode>(code), rest + 1);
  }
  Error error = SystemFailure("");
  int64_t readers = 0;
};

std::string beat_key(int64_t rank) { return fmt::format("beat/{}", rank); }

}  // namespace

RankWatch::RankWatch(c10::intrusive_ptr<c10d::Store> store, const Ranks& ranks, std::string hint,
                     std::function<void(const Error&)> blocked)
    : store_(std::move(store)),
      ranks_(ranks),
      hint_(std::move(hint)),
      blocked_(std::move(blocked)),
      thread_([this](const std::stop_token& stop) { work(stop); }) {}

void RankWatch::end() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void RankWatch::lose(const std::string& announcement) {
  const std::lock_guard lock(mutex_);
  if (!loss_) loss_ = Announcement(announcement).error;
  changed_.notify_all();
}

bool RankWatch::look() {
  const int64_t next = (ranks_.rank + 1) % ranks_.world;
  try {
    store_->add(beat_key(ranks_.rank), 1);
    std::string announcement;
    {
      const std::lock_guard lock(mutex_);
      announcement = announcement_;
    }
    if (!announcement.empty()) store_->compareSet(kLossKey, "", announcement);
    const int64_t beat = store_->add(beat_key(next), 0);
    if (beat != seen_beat_) {
      seen_beat_ = beat;
      seen_at_ = Clock::now();
    } else if (Clock::now() - seen_at_ > kStale) {
      store_->compareSet(kLossKey, "", gone(fmt::format("rank {} of {}", next, ranks_.world)));
    }
    if (!store_->check({kLossKey})) return false;
    const auto text = store_->get_to_str(kLossKey);
    lose(text);
    int64_t readers = store_->add(kReadersKey, 1);
    // Who announces it, and who hosts the store, stays until all have read it.
    const bool stays = !announcement.empty() || (ranks_.rank == 0 && !ranks_.store_is_hosted);
    const auto until = Clock::now() + kAcknowledgement;
    for (; stays && readers < Announcement(text).readers && Clock::now() < until;
         readers = store_->add(kReadersKey, 0))
      std::this_thread::sleep_for(kAsk);
  } catch (const std::exception&) {
    lose(gone(ranks_.store_is_hosted
                  ? fmt::format("the launcher's store at {}:{}", ranks_.address, ranks_.port)
                  : fmt::format("rank 0 of {}", ranks_.world)));
  }
  return true;
}

void RankWatch::work(const std::stop_token& stop) {
  while (!look()) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, kPeriod, [this] { return !announcement_.empty() && !announced_; });
    if (stop.stop_requested()) return;
    announced_ = !announcement_.empty();
  }
  std::unique_lock lock(mutex_);
  announced_ = true;
  changed_.notify_all();
  changed_.wait_for(lock, stop, kGrace, [] { return false; });
  if (!stop.stop_requested() && announcement_.empty()) blocked_(*loss_);
}

std::string RankWatch::gone(const std::string& who) const {
  return announcement_of(SystemFailure(fmt::format("{} is gone ({})", who, hint_)), ranks_.world - 1);
}

std::optional<Error> RankWatch::wait_for_loss() {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kNotice, [this] { return loss_.has_value(); })) return std::nullopt;
  return loss_;
}

void RankWatch::announce(const Error& reason) {
  if (!thread_.joinable()) return;
  {
    std::unique_lock lock(mutex_);
    if (loss_) return;  // everybody knows already
    const Error error(reason.exit_code(),
                      fmt::format("rank {} of {} stopped: {}", ranks_.rank, ranks_.world, reason.what()));
    announcement_ = announcement_of(error, ranks_.world);
    changed_.notify_all();
    changed_.wait_for(lock, kAcknowledgement + 2s, [this] { return loss_ && announced_; });
  }
  end();
}

}  // namespace arzoo::runtime
