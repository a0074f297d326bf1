#include "runtime/peak_memory.h"

#include <malloc.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "core/proc_value.h"

namespace arzoo::runtime {
namespace {

constexpr const char* kStatus = "/proc/self/status";

/// A size that /proc gives in kB.
std::optional<int64_t> status_bytes(const char* key) {
  const auto text = proc_value(kStatus, key);
  if (text.empty()) return std::nullopt;
  return std::stoll(text) * 1024;
}

/// False where the system does not let a process start a new peak.
bool reset_peak() {
  std::ofstream out("/proc/self/clear_refs");
  out << "5" << std::flush;
  return out.good();
}

}  // namespace

PeakMemory::PeakMemory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
  if (reset_peak()) start_ = status_bytes("VmRSS");
}

std::optional<int64_t> PeakMemory::bytes() const { return start_ ? status_bytes("VmHWM") : std::nullopt; }

std::optional<int64_t> PeakMemory::growth() const {
  const auto peak = bytes();
  if (!peak) return std::nullopt;
  return std::max<int64_t>(0, *peak - *start_);
}

}  // namespace arzoo::runtime
