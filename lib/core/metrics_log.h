#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>

#include "core/json_fwd.h"

namespace arzoo {

/// metrics.jsonl: one JSON object per line, each with a whole number "step", in the order of the steps. A
/// line is in the file, whole, when append() returns; a reader may follow the file while it grows.
class MetricsLog {
 public:
  /// Opens the log at `path`, or starts it, behind the lines up to and including `last_step`: what a killed
  /// run logged after its last saved state is cut away, with a torn last line, so that a resumed run leaves
  /// the same file as an uninterrupted one. Throws CheckpointError for a line that is no such object,
  /// UsageError or SystemFailure, as fail_with does, if it cannot be written.
  MetricsLog(std::filesystem::path path, std::int64_t last_step);
  ~MetricsLog();
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;

  /// Adds one line; numbers that are not finite become null. Throws SystemFailure (disk full), with no part
  /// of the line left in the file.
  void append(const Json& object);

 private:
  void cut_after(std::int64_t last_step) const;
  [[noreturn]] void fail_here(int error) const;

  std::filesystem::path path_;
  int fd_ = -1;
};

/// Lines of a file that are no lines of a log.
struct BadLines {
  std::size_t count = 0;
  std::size_t first = 0;  ///< its number, from 1
};

/// Hands each line of the log at `path` to `use`, as an object with a whole number "step", and passes over
/// what is no such line. A last line without its end is not counted as bad: a run that was killed, or that
/// still writes, leaves one. Throws CheckpointError if there is no regular file at `path`.
BadLines read_metrics(const std::filesystem::path& path, const std::function<void(const Json&)>& use);

}  // namespace arzoo
