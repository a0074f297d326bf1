#include "process_set.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <thread>

#include "core/error.h"
#include "launched_ranks.h"
#include "output.h"
#include "stop_signal.h"

namespace arzoo::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kPoll = 20ms;
constexpr auto kNotice = 15s;  // in which the others notice a loss by themselves
constexpr auto kSettle = 5s;   // in which a process ends that was told to

/// The environment of one rank, beside this process's own.
std::vector<std::string> environment_of(int64_t rank, int64_t processes, int64_t port, int64_t threads) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) all.emplace_back(*entry);
  const auto set = [&](const std::string& name, const std::string& value) {
    std::erase_if(all, [&](const std::string& entry) { return entry.starts_with(name + "="); });
    all.push_back(name + "=" + value);
  };
  set("RANK", std::to_string(rank));
  set("LOCAL_RANK", std::to_string(rank));
  set("WORLD_SIZE", std::to_string(processes));
  set("LOCAL_WORLD_SIZE", std::to_string(processes));
  set("MASTER_ADDR", "127.0.0.1");
  set("MASTER_PORT", std::to_string(port));
  set("TORCHELASTIC_USE_AGENT_STORE", "False");
  set(kLaunchedVariable, "1");
  if (std::getenv("OMP_NUM_THREADS") == nullptr) set("OMP_NUM_THREADS", std::to_string(threads));
  return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// In the new process: only what is allowed between fork and exec.
[[noreturn]] void become(const char* program, char* const* words, char* const* environment, bool first,
                         pid_t parent) {
  // The terminal's Ctrl-C comes through the launcher, once.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  if (!first) {
    const int nothing = ::open("/dev/null", O_WRONLY);
    ::dup2(nothing, STDOUT_FILENO);
  }
  const int no_input = ::open("/dev/null", O_RDONLY);
  ::dup2(no_input, STDIN_FILENO);
  ::execve(program, words, environment);
  ::_exit(127);
}

}  // namespace

ProcessSet::ProcessSet(const std::filesystem::path& program, const std::vector<std::string>& words,
                       int64_t processes, int64_t port, int64_t threads) {
  std::vector<std::string> all{"arzoo"};
  all.insert(all.end(), words.begin(), words.end());
  const auto arguments = pointers_to(all);
  const auto path = program.string();
  const pid_t parent = ::getpid();
  stop_requested();  // from now on a signal is passed on
  for (int64_t rank = 0; rank < processes; ++rank) {
    auto environment = environment_of(rank, processes, port, threads);
    const auto variables = pointers_to(environment);
    const pid_t process = ::fork();
    if (process == 0) become(path.c_str(), arguments.data(), variables.data(), rank == 0, parent);
    if (process < 0) {
      const int error = errno;
      send(SIGKILL);
      fail<SystemFailure>("launch: rank {} cannot be started: {}", rank, reason(error));
    }
    processes_.push_back(process);
  }
}

void ProcessSet::send(int signal) const {
  for (const pid_t process : processes_) {
    if (process > 0) ::kill(process, signal);
  }
}

ProcessEnd ProcessSet::wait() {
  using Clock = std::chrono::steady_clock;
  std::optional<ProcessEnd> failure;
  std::optional<Clock::time_point> deadline;
  bool passed_on = false, told = false;
  const auto running = [&] {
    return std::any_of(processes_.begin(), processes_.end(), [](pid_t p) { return p > 0; });
  };
  while (running()) {
    for (std::size_t rank = 0; rank < processes_.size(); ++rank) {
      int status = 0;
      if (processes_[rank] == 0 || ::waitpid(processes_[rank], &status, WNOHANG) != processes_[rank])
        continue;
      const ProcessEnd end{static_cast<int64_t>(rank), processes_[rank],
                           WIFEXITED(status) ? WEXITSTATUS(status) : 0,
                           WIFSIGNALED(status) ? WTERMSIG(status) : 0};
      processes_[rank] = 0;
      if (end.is_good() || failure) continue;
      failure = end;
      deadline = Clock::now() + kNotice;
    }
    if (stop_requested().load() && !passed_on) {
      passed_on = true;
      send(stop_signal());
    }
    if (deadline && Clock::now() > *deadline) {
      send(told ? SIGKILL : SIGTERM);
      told = true;
      deadline = Clock::now() + kSettle;
    }
    std::this_thread::sleep_for(kPoll);
  }
  return failure.value_or(ProcessEnd());
}

int64_t free_port(std::optional<int64_t> wanted) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(wanted.value_or(0)));
  const int again = 1;  // what the last run's connections leave does not count
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &again, sizeof(again));
  socklen_t size = sizeof(address);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  const bool found = socket >= 0 && ::bind(socket, any, size) == 0 && ::getsockname(socket, any, &size) == 0;
  const int error = errno;
  if (socket >= 0) ::close(socket);
  if (!found && wanted)
    fail<SystemFailure>("launch: port {}: {} (without --port a free one is taken)", *wanted, reason(error));
  if (!found) fail<SystemFailure>("launch: no free port on the loopback interface: {}", reason(error));
  return ntohs(address.sin_port);
}

int64_t usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) != 0)
    return std::max(1U, std::thread::hardware_concurrency());
  return CPU_COUNT(&set);
}

}  // namespace arzoo::cli
