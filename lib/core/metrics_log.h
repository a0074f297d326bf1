#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>

namespace arzoo {

/// metrics.jsonl: one JSON object per line, each with a whole number "step", in the order of the steps. A
/// line is in the file, whole, when append() returns; a reader may follow the file while it grows.
class MetricsLog {
 public:
  /// Opens the log at `path`, or starts it, behind the lines up to and including `last_step`: what a killed
  /// run logged after its last saved state is cut away, with a torn last line, so that a resumed run leaves
  /// the same file as an uninterrupted one. Throws CheckpointError for a line that is no such object,
  /// SystemFailure if it cannot be written.
  MetricsLog(std::filesystem::path path, std::int64_t last_step);
  ~MetricsLog();
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;

  /// Adds one line; numbers that are not finite become null. Throws SystemFailure (disk full), with no part
  /// of the line left in the file.
  void append(const nlohmann::ordered_json& object);

 private:
  void cut_after(std::int64_t last_step) const;
  [[noreturn]] void fail_here(int error) const;

  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace arzoo
