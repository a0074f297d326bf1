#include "runtime/peak_memory.h"

#include <ATen/Functions.h>
#include <c10/core/CachingDeviceAllocator.h>
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

c10::CachingDeviceAllocator::Stat allocated_on(c10::Device device) {
  constexpr auto kAll = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return c10::getDeviceAllocator(device.type())->getDeviceStats(device.index()).allocated_bytes[kAll];
}

}  // namespace

PeakMemory::PeakMemory(c10::Device device) : device_(device) {
  if (!device_.is_cpu()) {
    if (!device_.has_index()) device_.set_index(0);
    at::empty({1}, device_);  // an allocator that has not served yet knows no device
    c10::getDeviceAllocator(device_.type())->resetPeakStats(device_.index());
    start_ = allocated_on(device_).current;
    return;
  }
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
  if (reset_peak()) start_ = status_bytes("VmRSS");
}

std::optional<int64_t> PeakMemory::bytes() const {
  if (!start_) return std::nullopt;
  return device_.is_cpu() ? status_bytes("VmHWM") : allocated_on(device_).peak;
}

std::optional<int64_t> PeakMemory::growth() const {
  const auto peak = bytes();
  if (!peak) return std::nullopt;
  return std::max<int64_t>(0, *peak - *start_);
}

}  // namespace arzoo::runtime
