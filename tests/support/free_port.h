#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>

namespace arzoo::test {

/// A port of the loopback interface at which nobody listens, another one each time. They lie below those that
/// the system gives to connections, and far from those of tests that run at the same time.
inline int64_t free_port() {
  constexpr int64_t kFirst = 10000, kPorts = 20000, kApart = 97;
  static int64_t asked = kApart * ::getpid();
  for (int64_t tries = 0; tries < kPorts; ++tries) {
    const int64_t port = kFirst + asked++ % kPorts;
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = htons(static_cast<uint16_t>(port));
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool is_free = ::bind(socket, reinterpret_cast<const sockaddr*>(&place), sizeof(place)) == 0;
    ::close(socket);
    if (is_free) return port;
  }
  throw std::runtime_error("no port is free");
}

}  // namespace arzoo::test
