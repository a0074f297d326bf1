#pragma once

#include "support/test.h"

namespace arzoo::test {

/// Sets the intra-op pool of a test program that includes this to one thread, before its first test: models
/// of a few hundred weights only wait for a second one, and sums come out the same in a forked child, which
/// has no pool.
inline const bool kOneThread = (at::set_num_threads(1), true);

}  // namespace arzoo::test
