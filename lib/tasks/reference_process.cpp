#include "tasks/reference_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/display_text.h"
#include "core/error.h"
#include "core/json_reader.h"

extern char** environ;

namespace arzoo::tasks {
namespace {

constexpr std::size_t kLongestAnswer = std::size_t{1} << 20;
constexpr std::size_t kLongestErrorLine = 4096;
constexpr int kPollMilliseconds = 100;  // how late a stop may be noticed

struct SpawnActions {
  SpawnActions() { posix_spawn_file_actions_init(&value); }
  ~SpawnActions() { posix_spawn_file_actions_destroy(&value); }
  posix_spawn_file_actions_t value;
};

struct SpawnAttributes {
  SpawnAttributes() { posix_spawnattr_init(&value); }
  ~SpawnAttributes() { posix_spawnattr_destroy(&value); }
  posix_spawnattr_t value;
};

/// Both ends are closed on exec, and the near one never blocks.
struct Pair {
  Pair() {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
      fail<SystemFailure>("reference: no pipe to it: {}", std::strerror(errno));
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
  }
  ~Pair() {
    for (const int end : ends) {
      if (end >= 0) close(end);
    }
  }
  int take_near() { return std::exchange(ends[0], -1); }
  std::array<int, 2> ends{-1, -1};
};

/// Bytes that are there now: appended to `text`; 0 at the end, negative when there are none.
ssize_t read_some(int fd, std::string& text) {
  std::array<char, 4096> bytes;
  ssize_t count = 0;
  do {
    count = read(fd, bytes.data(), bytes.size());
  } while (count < 0 && errno == EINTR);
  if (count > 0) text.append(bytes.data(), static_cast<std::size_t>(count));
  return count;
}

}  // namespace

ReferenceProcess::ReferenceProcess(const std::vector<std::string>& command, Lines on_stderr)
    : on_stderr_(std::move(on_stderr)) {
  if (command.empty()) fail<SystemFailure>("reference: no program is named");
  name_ = command.front();
  // Sockets, not pipes: a write to a program that has ended is then an error and no signal.
  Pair talk, errors;
  SpawnActions actions;
  posix_spawn_file_actions_adddup2(&actions.value, talk.ends[1], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions.value, talk.ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions.value, errors.ends[1], STDERR_FILENO);
  // A process group of its own, so that it can be ended with its children. An interrupt of the terminal then
  // reaches it through us alone.
  SpawnAttributes attributes;
  posix_spawnattr_setflags(&attributes.value, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes.value, 0);
  std::vector<char*> arguments;
  for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const int error =
      posix_spawnp(&pid_, name_.c_str(), &actions.value, &attributes.value, arguments.data(), environ);
  if (error != 0) {
    pid_ = -1;
    fail<SystemFailure>("reference: cannot start \"{}\": {}", name_, std::strerror(error));
  }
  talk_ = talk.take_near();
  stderr_ = errors.take_near();
}

ReferenceProcess::~ReferenceProcess() {
  if (talk_ >= 0) close(talk_);
  if (stderr_ >= 0) close(stderr_);
  if (pid_ <= 0) return;
  kill(-pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Json ReferenceProcess::ask(const Json& request, std::chrono::duration<double> patience,
                           const std::atomic<bool>& stop) {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::duration_cast<Deadline::duration>(patience);
  send_line(dump_json(request) + "\n", deadline, stop);
  const auto line = receive_line(deadline, stop);
  auto answer = try_read_json(line);
  if (!answer || !answer->is_object()) {
    fail<SystemFailure>("reference: \"{}\" answered \"{}\", expected a JSON object", name_,
                        shortened(one_line(line), 80));
  }
  return std::move(*answer);
}

void ReferenceProcess::send_line(const std::string& line, Deadline deadline, const std::atomic<bool>& stop) {
  for (std::size_t sent = 0; sent < line.size();) {
    wait_for(POLLOUT, deadline, stop);
    const auto count = send(talk_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR) fail_ended();
    if (count > 0) sent += static_cast<std::size_t>(count);
  }
}

std::string ReferenceProcess::receive_line(Deadline deadline, const std::atomic<bool>& stop) {
  for (;;) {
    if (const auto end = answers_.find('\n'); end != std::string::npos) {
      auto line = answers_.substr(0, end);
      answers_.erase(0, end + 1);
      return line;
    }
    if (answers_.size() > kLongestAnswer)
      fail<SystemFailure>("reference: \"{}\" answered more than {} bytes in a line", name_, kLongestAnswer);
    wait_for(POLLIN, deadline, stop);
    const auto count = read_some(talk_, answers_);
    if (count == 0 || (count < 0 && errno != EAGAIN)) fail_ended();
  }
}

void ReferenceProcess::wait_for(short events, Deadline deadline, const std::atomic<bool>& stop) {
  for (;;) {
    if (stop.load()) fail<Interrupted>("interrupted while the reference was running");
    if (std::chrono::steady_clock::now() > deadline)
      fail<SystemFailure>("reference: \"{}\" did not answer in time", name_);
    std::array<pollfd, 2> both{pollfd{talk_, events, 0}, pollfd{stderr_, POLLIN, 0}};
    if (poll(both.data(), both.size(), kPollMilliseconds) < 0 && errno != EINTR) {
      fail<SystemFailure>("reference: cannot wait for \"{}\": {}", name_, std::strerror(errno));
    }
    if (both[1].revents != 0) pass_on_stderr();
    if (both[0].revents != 0) return;
  }
}

void ReferenceProcess::pass_on_stderr() {
  const auto count = read_some(stderr_, errors_);
  const bool over = count == 0 || (count < 0 && errno != EAGAIN);
  if (over || errors_.size() > kLongestErrorLine) errors_ += '\n';
  for (std::size_t end = 0; (end = errors_.find('\n')) != std::string::npos; errors_.erase(0, end + 1)) {
    if (end == 0) continue;
    last_error_ = one_line(errors_.substr(0, end));
    on_stderr_(last_error_);
  }
  if (over) {
    close(stderr_);
    stderr_ = -1;  // poll() passes a negative descriptor over
  }
}

void ReferenceProcess::fail_ended() {
  // Its last words may still be on their way.
  for (int i = 0; i < 10 && stderr_ >= 0; ++i) {
    pollfd words{stderr_, POLLIN, 0};
    if (poll(&words, 1, kPollMilliseconds) <= 0) break;
    pass_on_stderr();
  }
  fail<SystemFailure>("reference: \"{}\" ended{}", name_, last_error_.empty() ? "" : ": " + last_error_);
}

}  // namespace arzoo::tasks
