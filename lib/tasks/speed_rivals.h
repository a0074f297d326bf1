#pragma once

#include <filesystem>
#include <optional>

#include "core/markdown_table.h"
#include "core/stop.h"
#include "tasks/speed_rounds.h"

namespace arzoo::tasks {

/// What one more engine of the reference program takes for a cell's work, each in a process of its own.
class SpeedRivals {
 public:
  /// folder: the suite's.
  SpeedRivals(const SpeedSuite& suite, std::filesystem::path folder, Progress& progress, Stop stop)
      : suite_(suite), folder_(std::move(folder)), progress_(progress), stop_(stop) {}

  /// One object for each of the suite's rivals, in their order: {"engine", "ours_ms", "p50_ms", "ratio":
  /// {"median", "min", "max"}, "peak_memory_bytes", "start_seconds", "compile_seconds"}, or {"engine",
  /// "error"}. Both sides are timed alternately. request: what the reference is asked, without "repeat".
  Json measure(runtime::SpeedWork& work, const Json& request, const std::string& cell) const;

 private:
  Json measure_one(runtime::SpeedWork& work, Json request, const std::string& cell,
                   const std::string& engine) const;

  const SpeedSuite& suite_;
  std::filesystem::path folder_;
  Progress& progress_;
  Stop stop_;
};

/// A line for each cell and rival. rows: those of bench speed; empty where none has rivals.
Table rivals_table(const std::vector<Json>& rows);

}  // namespace arzoo::tasks
