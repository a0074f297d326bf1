#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace arzoo::cli {

/// How the processes of `arzoo launch` ended.
struct ProcessEnd {
  int64_t rank = 0;
  pid_t process = 0;
  int code = 0;    ///< what it answered
  int signal = 0;  ///< the one that ended it; 0 where it ended by itself
  bool is_good() const { return code == 0 && signal == 0; }
};

/// The same command in several processes of this machine that work together.
class ProcessSet {
 public:
  /// Starts `words` of `program` once for each rank, with what launched_ranks() reads in its environment. The
  /// first one has this process's stdout, the others none. All of them end when this process does.
  ///
  /// threads: of each, where neither the words nor the environment say. Throws SystemFailure.
  ProcessSet(const std::filesystem::path& program, const std::vector<std::string>& words, int64_t processes,
             int64_t port, int64_t threads);

  /// Waits for all; signals to this process go to each of them. When one fails, the others are given the time
  /// to notice and to end by themselves, then they are ended. Returns the first failure, or the first rank's
  /// end.
  ProcessEnd wait();

 private:
  void send(int signal) const;

  std::vector<pid_t> processes_;  ///< 0: has ended
};

/// A port of the loopback interface that nobody listens at: `wanted`, where one is. Throws SystemFailure.
int64_t free_port(std::optional<int64_t> wanted);

/// Processors that this process may run on.
int64_t usable_processors();

}  // namespace arzoo::cli
