#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <optional>

namespace arzoo::runtime {

/// Watches how much memory this process needs from now on: resident memory, or what its tensors hold of a
/// device's own. One at a time: a new one starts a new peak. Memory that the heap keeps for later is given
/// back to the system first, so that what ran before does not count.
class PeakMemory {
 public:
  explicit PeakMemory(c10::Device device = c10::kCPU);

  /// Most memory since then, in bytes; nothing where the system does not tell.
  std::optional<int64_t> bytes() const;
  /// How far that is above the memory in use at the start.
  std::optional<int64_t> growth() const;

 private:
  c10::Device device_;
  std::optional<int64_t> start_;
};

}  // namespace arzoo::runtime
