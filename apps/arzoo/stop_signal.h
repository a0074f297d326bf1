#pragma once

#include <atomic>

namespace arzoo::cli {

/// Becomes true at the first SIGINT or SIGTERM after the first call; a second signal ends the process at
/// once. On a terminal the first one is answered by a line on stderr.
const std::atomic<bool>& stop_requested();

/// The signal that came first, SIGINT when none did. An interrupted program exits with 128 more, as shells
/// count.
int stop_signal();

}  // namespace arzoo::cli
