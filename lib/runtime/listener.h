#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace arzoo::runtime {

/// Returns when somebody listens at address:port. Throws SystemFailure when nobody does within the timeout,
/// or the name means no address.
void wait_for_listener(const std::string& address, int64_t port, std::chrono::milliseconds timeout);

}  // namespace arzoo::runtime
