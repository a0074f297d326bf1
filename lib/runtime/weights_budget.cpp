#include "runtime/weights_budget.h"

#include "core/bytes.h"

namespace arzoo::runtime {
namespace {

namespace fs = std::filesystem;

thread_local std::optional<std::uint64_t> active_limit;

/// Of a file, or of the files in a folder; what cannot be looked at has none.
std::uint64_t bytes_at(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    const auto bytes = fs::file_size(path, error);
    return error ? 0 : bytes;
  }
  std::uint64_t sum = 0;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code none;
    if (const auto bytes = entry->file_size(none); !none)
      sum = checked_add(sum, bytes).value_or(~std::uint64_t{0});
  }
  return sum;
}

}  // namespace

WeightsBudget::WeightsBudget(const fs::path& path) {
  constexpr std::uint64_t kFloor = 64'000'000, kPerByte = 8;
  const auto scaled = checked_multiply(bytes_at(path), kPerByte).value_or(~std::uint64_t{0} - kFloor);
  active_limit = checked_add(scaled, kFloor);
}

WeightsBudget::~WeightsBudget() { active_limit.reset(); }

std::optional<std::uint64_t> WeightsBudget::limit() { return active_limit; }

}  // namespace arzoo::runtime
