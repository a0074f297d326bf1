#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/progress.h"
#include "fuzz/fuzz_target.h"

namespace arzoo::fuzz {

namespace fs = std::filesystem;

inline const std::atomic<bool> kNeverStop = false;

/// A whole command as a fuzz target: the task, and what is printed of its result. It may accept an input or
/// refuse it; a finding, which ends the process, is
///   - a failure of exit code 1, "internal", or whatever else is thrown;
///   - more heap than 64 MB and 8 times the input beyond what the sample took (core/file_budget.h);
///   - more time of the processor than 4 seconds and 4 microseconds per byte of the input.
class CommandTarget {
 public:
  static constexpr double kFloor = 64e6, kPerByte = 8;
  static constexpr double kSeconds = 4, kSecondsPerByte = 4e-6;

  /// Does what the command does and prints.
  using Command = std::function<void(Progress&)>;

  /// Has a folder of its own for files, in memory where there is room for them; removed at the end.
  /// `seconds`: of the processor that an empty input may take.
  explicit CommandTarget(double seconds = kSeconds);
  ~CommandTarget();
  CommandTarget(const CommandTarget&) = delete;
  CommandTarget& operator=(const CommandTarget&) = delete;

  const fs::path& folder() const { return folder_; }
  /// Writes a file below the folder, in place of one of that name; returns its path.
  fs::path write(const std::string& name, std::string_view bytes) const;

  /// Runs the command on a valid input, which must be accepted: what it takes is what the command needs
  /// anyway. Of several samples the most counts.
  void measure(const Command& on_sample);
  /// Runs the command on an input of so many bytes.
  void run(std::size_t input_bytes, const Command& command) const;

 private:
  fs::path folder_;
  double seconds_;
  std::int64_t base_ = 0;
};

/// `bytes` without the part up to the first `separator`, which is returned; all of it where there is none.
std::string_view take_part(std::string_view& bytes, char separator);

}  // namespace arzoo::fuzz
