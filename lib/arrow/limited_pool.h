#pragma once

#include <arrow/memory_pool.h>
#include <arrow/status.h>

#include <atomic>
#include <cstdint>

namespace arzoo::arrow_files {

/// Arrow's memory up to a bound: a size in a broken file's header asks for more than there is.
class LimitedPool : public arrow::MemoryPool {
 public:
  explicit LimitedPool(std::int64_t most) : pool_(arrow::default_memory_pool()), most_(most) {}

  arrow::Status Allocate(std::int64_t size, std::int64_t alignment, std::uint8_t** out) override {
    ARROW_RETURN_NOT_OK(take(size));
    return given_back(pool_->Allocate(size, alignment, out), size);
  }
  arrow::Status Reallocate(std::int64_t old_size, std::int64_t new_size, std::int64_t alignment,
                           std::uint8_t** block) override {
    ARROW_RETURN_NOT_OK(take(new_size - old_size));
    return given_back(pool_->Reallocate(old_size, new_size, alignment, block), new_size - old_size);
  }
  void Free(std::uint8_t* buffer, std::int64_t size, std::int64_t alignment) override {
    pool_->Free(buffer, size, alignment);
    used_ -= size;
  }
  std::int64_t bytes_allocated() const override { return used_; }
  std::int64_t total_bytes_allocated() const override { return pool_->total_bytes_allocated(); }
  std::int64_t num_allocations() const override { return pool_->num_allocations(); }
  std::string backend_name() const override { return pool_->backend_name(); }

 private:
  arrow::Status take(std::int64_t size) {
    if ((used_ += size) <= most_) return arrow::Status::OK();
    used_ -= size;
    return arrow::Status::OutOfMemory("would take more than ", most_,
                                      " bytes of memory, too much for a file of this size");
  }
  arrow::Status given_back(arrow::Status status, std::int64_t size) {
    if (!status.ok()) used_ -= size;
    return status;
  }

  arrow::MemoryPool* pool_;
  std::int64_t most_;
  std::atomic<std::int64_t> used_ = 0;
};

}  // namespace arzoo::arrow_files
