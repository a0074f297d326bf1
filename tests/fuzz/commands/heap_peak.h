#pragma once

#include <cstdint>

/// Counts the live bytes of the heap, those of every library included: malloc is taken over, or in a build
/// with the address sanitizer listened to.
namespace arzoo::fuzz {

/// Starts a measurement. When more than `limit` bytes beyond those of now are live, in any thread, the
/// process says so and aborts in that very allocation, so that its stack shows who asks.
void start_heap_limit(std::int64_t limit);

/// Ends the measurement; returns the most bytes that were live beyond those at its start.
std::int64_t stop_heap_limit();

}  // namespace arzoo::fuzz
