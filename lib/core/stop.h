#pragma once

#include <atomic>
#include <string_view>

#include "core/error.h"

namespace arzoo {

/// Set by a signal: the user asks the command to end.
using Stop = const std::atomic<bool>&;

/// Throws Interrupted, "interrupted while <doing>", once the command was asked to end.
inline void stop_if_asked(Stop stop, std::string_view doing) {
  if (stop.load()) fail<Interrupted>("interrupted while {}", doing);
}

}  // namespace arzoo
