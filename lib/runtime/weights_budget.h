#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace arzoo::runtime {

/// While one lives, the models that this thread builds are to take their weights from `path`, a file or a
/// folder of files: within_memory (memory_budget.h) allows them 64 MB and 8 times the bytes that are there,
/// for a config from outside can ask for more than its weights could ever fill. One at a time in a thread.
class WeightsBudget {
 public:
  explicit WeightsBudget(const std::filesystem::path& path);
  ~WeightsBudget();
  WeightsBudget(const WeightsBudget&) = delete;
  WeightsBudget& operator=(const WeightsBudget&) = delete;

  /// The bytes that this thread's models may ask for; nothing where no budget lives.
  static std::optional<std::uint64_t> limit();
};

}  // namespace arzoo::runtime
