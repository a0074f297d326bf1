#include "stop_signal.h"

#include <signal.h>
#include <unistd.h>

#include <string_view>

namespace arzoo::cli {
namespace {

std::atomic<bool> stop{false};
std::atomic<int> first_signal{SIGINT};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "a signal handler may only touch lock-free atomics");
bool announces = false;

/// Calls only what POSIX lists as async-signal-safe.
extern "C" void request_stop(int signal) {
  first_signal.store(signal);
  stop.store(true);
  ::signal(SIGINT, SIG_DFL);
  ::signal(SIGTERM, SIG_DFL);
  if (!announces) return;
  constexpr std::string_view text = "\nstopping after this step (once more to stop at once)\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

/// Also where the signal was ignored: a script's background job starts with SIGINT ignored, and is stopped by
/// it all the same.
void handle(int signal) {
  struct sigaction action {};
  action.sa_handler = &request_stop;
  // No SA_RESTART: a task that waits for stdin must wake up.
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

const std::atomic<bool>& stop_requested() {
  static const bool installed = [] {
    announces = ::isatty(STDERR_FILENO) == 1;
    handle(SIGINT);
    handle(SIGTERM);
    return true;
  }();
  static_cast<void>(installed);
  return stop;
}

int stop_signal() { return first_signal.load(); }

}  // namespace arzoo::cli
