#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "support/test.h"

namespace arzoo::test {

/// How one call of the program ended.
struct Ended {
  int code = -1;    ///< exit code; 128 + number when a signal ended it
  std::string out;  ///< stdout
  std::string err;  ///< stderr
  double seconds = 0.0;
  std::uint64_t peak_bytes = 0;  ///< most memory that was resident at once

  nlohmann::json json() const { return nlohmann::json::parse(out); }
};

enum class Library { none, stub, built };

/// The real program: a copy in a folder of its own, alone or beside a libarzoo whose tasks answer at once
/// (stub_tasks.cpp), or the built one with the built libarzoo. Calls run in the folder files().
class Program {
 public:
  explicit Program(Library library) {
    fs::create_directories(folder_ / "files");
    if (library == Library::built) {
      program_ = ARZOO_BINARY;
      return;
    }
    program_ = folder_ / "bin/arzoo";
    fs::create_directories(folder_ / "bin");
    fs::copy_file(ARZOO_BINARY, folder_ / "bin/arzoo");
    const auto stub = fs::path(ARZOO_BINARY).parent_path() / "tests/stub_tasks/libarzoo.so";
    if (library == Library::stub) fs::copy_file(stub, folder_ / "bin/libarzoo.so");
  }

  fs::path files() const { return folder_ / "files"; }
  fs::path bin() const { return program_.parent_path(); }
  fs::path write(const std::string& name, const std::string& text) const {
    return folder_.write("files/" + name, text);
  }

  Ended operator()(const std::vector<std::string>& arguments) const {
    const auto start = std::chrono::steady_clock::now();
    const pid_t child = spawn(program_.string(), arguments);
    return wait(child, start);
  }

  /// Another program in the same folder, found in PATH.
  Ended call(const std::string& program, const std::vector<std::string>& arguments) const {
    const auto start = std::chrono::steady_clock::now();
    return wait(spawn(program, arguments), start);
  }

  /// Freezes the program again and again until `when` holds of what it has written, and kills it there. A
  /// program that ends before is not killed.
  Ended killed(const std::vector<std::string>& arguments, const std::function<bool()>& when) const {
    const auto start = std::chrono::steady_clock::now();
    const pid_t child = spawn(program_.string(), arguments);
    const auto is_stopped = [child] {
      siginfo_t change{};
      // An end is left for wait() to collect.
      ::waitid(P_PID, static_cast<id_t>(child), &change, WSTOPPED | WEXITED | WNOWAIT);
      return change.si_code == CLD_STOPPED;
    };
    for (;;) {
      ::kill(child, SIGSTOP);
      if (!is_stopped()) break;
      if (when()) {
        ::kill(child, SIGKILL);
        break;
      }
      ::kill(child, SIGCONT);
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    return wait(child, start);
  }

  /// Sends the signals one after another as soon as the program says "waiting" on stderr, then waits for its
  /// end.
  Ended interrupted(const std::vector<std::string>& arguments, const std::vector<int>& signals) const {
    using namespace std::chrono_literals;
    const auto start = std::chrono::steady_clock::now();
    const pid_t child = spawn(program_.string(), arguments);
    while (read_file(folder_ / "err").find("waiting") == std::string::npos &&
           std::chrono::steady_clock::now() - start < 4s) {
      std::this_thread::sleep_for(5ms);
    }
    for (const int signal : signals) {
      ::kill(child, signal);
      std::this_thread::sleep_for(30ms);
    }
    return wait(child, start);
  }

 private:
  pid_t spawn(const std::string& program, std::vector<std::string> arguments) const {
    constexpr mode_t kMode = 0600;
    const std::string out = folder_ / "out", err = folder_ / "err", files_folder = files();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     kMode);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     kMode);
    posix_spawn_file_actions_addchdir_np(&actions, files_folder.c_str());
    arguments.insert(arguments.begin(), program);
    std::vector<char*> words;
    for (auto& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    std::ofstream(err).close();
    pid_t child = -1;
    const int error = ::posix_spawnp(&child, program.c_str(), &actions, nullptr, words.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::system_error(error, std::generic_category(), program);
    return child;
  }

  Ended wait(pid_t child, std::chrono::steady_clock::time_point start) const {
    constexpr int kSignalled = 128;
    constexpr std::uint64_t kKilobyte = 1024;
    int status = 0;
    struct rusage used {};
    ::wait4(child, &status, 0, &used);
    const auto end = std::chrono::steady_clock::now();
    return {WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + WTERMSIG(status),
            read_file(folder_ / "out"), read_file(folder_ / "err"),
            std::chrono::duration<double>(end - start).count(),
            static_cast<std::uint64_t>(used.ru_maxrss) * kKilobyte};
  }

  TempDir folder_;
  fs::path program_;
};

/// The smallest config that is right.
inline constexpr const char* kConfig =
    R"({"model": {"name": "itransformer"}, "data": {"path": "series.csv"}})";

}  // namespace arzoo::test
