#pragma once

#include <ctime>

namespace arzoo::test {

/// Seconds that the processor has worked for this program: a limit on them holds beside other programs too.
inline double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

}  // namespace arzoo::test
