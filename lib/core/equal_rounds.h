#pragma once

#include "core/share.h"

namespace arzoo {

/// How many batches of `at_once` items a pass over `items` takes in the process with the largest share of
/// them: processes that compute together, each on its own share, must all take so many.
inline int64_t equal_rounds(const Share& share, int64_t items, int64_t at_once) {
  const auto up = [](int64_t n, int64_t by) { return n / by + (n % by > 0 ? 1 : 0); };
  return up(up(items, share.count), at_once);
}

}  // namespace arzoo
