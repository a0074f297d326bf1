#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"

namespace arzoo::tasks {

/// Another program that times the same work: started once, asked by one line of JSON, answering by one line
/// of JSON.
///
/// Its stderr goes, line by line, to `on_stderr`, while an answer is awaited. The program and what it has
/// started are killed when this ends. To be used from one thread.
class ReferenceProcess {
 public:
  using Lines = std::function<void(std::string_view)>;

  /// command: program (looked up in PATH unless it has a slash) and arguments; no shell reads them.
  /// Throws SystemFailure when it cannot be started.
  ReferenceProcess(const std::vector<std::string>& command, Lines on_stderr);
  ~ReferenceProcess();
  ReferenceProcess(const ReferenceProcess&) = delete;
  ReferenceProcess& operator=(const ReferenceProcess&) = delete;

  /// The answer to `request`. Throws SystemFailure when the program ends, answers anything but a JSON object
  /// of at most 1 MiB, or takes longer than `patience`; Interrupted when `stop` is set. No further request
  /// can be made after a failure.
  Json ask(const Json& request, std::chrono::duration<double> patience, const std::atomic<bool>& stop);

 private:
  using Deadline = std::chrono::steady_clock::time_point;

  void send_line(const std::string& line, Deadline deadline, const std::atomic<bool>& stop);
  std::string receive_line(Deadline deadline, const std::atomic<bool>& stop);
  /// Waits until the pipe takes (POLLOUT) or gives (POLLIN) bytes, passing on what comes on stderr meanwhile.
  void wait_for(short events, Deadline deadline, const std::atomic<bool>& stop);
  void pass_on_stderr();
  [[noreturn]] void fail_ended();

  std::string name_;
  Lines on_stderr_;
  pid_t pid_ = -1;
  int talk_ = -1, stderr_ = -1;
  std::string answers_, errors_, last_error_;
};

}  // namespace arzoo::tasks
