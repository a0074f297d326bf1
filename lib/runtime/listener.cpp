#include "runtime/listener.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <thread>

#include "core/error.h"

namespace arzoo::runtime {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kPause = 100ms;

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Addresses resolved(const std::string& address, int64_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (code != 0) fail<SystemFailure>("{}: {}", address, ::gai_strerror(code));
  return {found, &::freeaddrinfo};
}

/// Whether a connection is accepted before the deadline.
bool accepts(const addrinfo& place, Clock::time_point deadline) {
  const int socket = ::socket(place.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return false;
  bool accepted = ::connect(socket, place.ai_addr, place.ai_addrlen) == 0;
  if (!accepted && errno == EINPROGRESS) {
    pollfd waits{socket, POLLOUT, 0};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    int error = 0;
    socklen_t size = sizeof(error);
    accepted = left > 0 && ::poll(&waits, 1, static_cast<int>(left)) == 1 &&
               ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
  }
  ::close(socket);
  return accepted;
}

}  // namespace

void wait_for_listener(const std::string& address, int64_t port, std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  const auto addresses = resolved(address, port);
  while (Clock::now() < deadline) {
    for (const auto* place = addresses.get(); place != nullptr; place = place->ai_next) {
      if (accepts(*place, deadline)) return;
    }
    std::this_thread::sleep_for(kPause);
  }
  fail<SystemFailure>("{}:{}: nobody listens", address, port);
}

}  // namespace arzoo::runtime
