#include "cad/child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>

#include "cad/guarded.h"

namespace arzoo::cad {
namespace {

/// Memory of this process that it may write, in bytes; 0 if that is not known.
uint64_t data_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmData:", 0) == 0) return std::strtoull(line.c_str() + 7, nullptr, 10) * 1024;
  }
  return 0;
}

/// Handlers of this process would run in the child, and report or clean up what is not its own.
void forget_handlers() {
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGINT, SIGTERM, SIGXCPU, SIGPIPE})
    std::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void set_limits(const ChildLimits& limits, uint64_t data) {
  const auto set = [](auto resource, uint64_t soft, uint64_t hard) {
    const rlimit limit{soft, hard};
    ::setrlimit(resource, &limit);
  };
  set(RLIMIT_CORE, 0, 0);
  const auto seconds = static_cast<uint64_t>(limits.seconds);
  set(RLIMIT_CPU, seconds, seconds + 5);
  if (data > 0) set(RLIMIT_DATA, data + limits.bytes, data + limits.bytes);
}

bool write_all(int file, const char* bytes, std::size_t count) {
  while (count > 0) {
    const auto written = ::write(file, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes += written;
    count -= static_cast<std::size_t>(written);
  }
  return true;
}

/// The child: its error's length, its error, its answer.
[[noreturn]] void work_and_exit(int file, const std::function<std::string(std::string&)>& work) {
  std::string answer;
  const auto error = guarded([&] { return work(answer); });
  const uint64_t length = error.size();
  const bool written = write_all(file, reinterpret_cast<const char*>(&length), sizeof(length)) &&
                       write_all(file, error.data(), error.size()) &&
                       (!error.empty() || write_all(file, answer.data(), answer.size()));
  ::_exit(written ? 0 : 1);
}

std::string read_all(int file) {
  std::string bytes;
  char block[1 << 16];
  while (true) {
    const auto got = ::read(file, block, sizeof(block));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return bytes;
    bytes.append(block, static_cast<std::size_t>(got));
  }
}

std::string ended_how(int status, const ChildLimits& limits) {
  if (!WIFSIGNALED(status)) return "OpenCASCADE's process ended before it answered";
  const int signal = WTERMSIG(status);
  if (signal == SIGXCPU || signal == SIGKILL)
    return "takes OpenCASCADE more than " + std::to_string(limits.seconds) + " s";
  if (signal == SIGINT || signal == SIGTERM) return "was not finished: interrupted";
  return "makes OpenCASCADE crash (" + std::string(::strsignal(signal)) + ")";
}

}  // namespace

std::string in_child(const ChildLimits& limits, const std::function<std::string(std::string& answer)>& work,
                     std::string& answer) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::string("no process can be started: ") + std::strerror(errno);
  const auto data = data_bytes();
  const pid_t child = ::fork();
  if (child < 0) {
    const int why = errno;
    ::close(ends[0]);
    ::close(ends[1]);
    return std::string("no process can be started: ") + std::strerror(why);
  }
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    forget_handlers();
    set_limits(limits, data);
    work_and_exit(ends[1], work);
  }
  ::close(ends[1]);
  const auto told = read_all(ends[0]);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  uint64_t length = 0;
  if (status != 0 || told.size() < sizeof(length)) return ended_how(status, limits);
  std::memcpy(&length, told.data(), sizeof(length));
  if (length > told.size() - sizeof(length)) return ended_how(status, limits);
  answer = told.substr(sizeof(length) + length);
  return told.substr(sizeof(length), length);
}

}  // namespace arzoo::cad
