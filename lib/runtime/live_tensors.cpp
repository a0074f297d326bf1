#include "runtime/live_tensors.h"

#include <c10/core/CPUAllocator.h>

#include <atomic>
#include <mutex>
#include <unordered_map>

namespace arzoo::runtime {
namespace {

std::atomic<int64_t> live_bytes = 0;
thread_local bool counts = false;

/// The allocator that was there before.
c10::Allocator* counted_base = nullptr;

std::mutex counted_guard;
std::unordered_map<const void*, int64_t> counted_sizes;  ///< of the blocks that count

void release(void* data) {
  {
    const std::lock_guard lock(counted_guard);
    const auto found = counted_sizes.find(data);
    live_bytes -= found->second;
    counted_sizes.erase(found);
  }
  counted_base->raw_deallocate(data);
}

/// Some kernels ask for plain memory (raw_allocate): a block's context must be its data.
class CountingAllocator final : public c10::Allocator {
 public:
  explicit CountingAllocator(c10::Allocator& base) { counted_base = &base; }
  c10::DataPtr allocate(std::size_t bytes) override {
    if (!counts || bytes == 0) return counted_base->allocate(bytes);
    void* const data = counted_base->raw_allocate(bytes);
    live_bytes += static_cast<int64_t>(bytes);
    const std::lock_guard lock(counted_guard);
    counted_sizes[data] = static_cast<int64_t>(bytes);
    return {data, data, &release, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release_any; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    counted_base->copy_data(to, from, bytes);
  }

 private:
  /// Also of a block that another thread has asked for, which does not count.
  static void release_any(void* data) {
    bool is_counted = false;
    {
      const std::lock_guard lock(counted_guard);
      is_counted = counted_sizes.contains(data);
    }
    if (is_counted)
      release(data);
    else
      counted_base->raw_deallocate(data);
  }
};

/// Storages remember their allocator, so it lives as long as the process.
c10::Allocator* counting_allocator() {
  static auto* const allocator = new CountingAllocator(*c10::GetCPUAllocator());
  return allocator;
}

}  // namespace

LiveTensors::LiveTensors() : before_(c10::GetCPUAllocator()), start_(live_bytes) {
  c10::SetCPUAllocator(counting_allocator());
  counts = true;
}

LiveTensors::~LiveTensors() {
  counts = false;
  c10::SetCPUAllocator(before_);
}

int64_t LiveTensors::bytes() const { return live_bytes - start_; }

}  // namespace arzoo::runtime
