#pragma once

#include <arrow/memory_pool.h>
#include <arrow/status.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace arzoo::arrow_files {

/// Arrow's memory up to a bound: a size in a broken file's header asks for more than there is.
///
/// Lives until its last block is freed, which may be after its owner is gone: Arrow's I/O threads let go of
/// what they read when they get to it.
class LimitedPool : public arrow::MemoryPool {
 public:
  struct Release {
    void operator()(LimitedPool* pool) const { pool->let_go(); }
  };
  using Owner = std::unique_ptr<LimitedPool, Release>;
  static Owner make(std::int64_t most) { return Owner(new LimitedPool(most)); }

  arrow::Status Allocate(std::int64_t size, std::int64_t alignment, std::uint8_t** out) override {
    ARROW_RETURN_NOT_OK(take(size));
    const auto status = given_back(pool_->Allocate(size, alignment, out), size);
    if (status.ok()) ++holders_;
    return status;
  }
  arrow::Status Reallocate(std::int64_t old_size, std::int64_t new_size, std::int64_t alignment,
                           std::uint8_t** block) override {
    ARROW_RETURN_NOT_OK(take(new_size - old_size));
    return given_back(pool_->Reallocate(old_size, new_size, alignment, block), new_size - old_size);
  }
  void Free(std::uint8_t* buffer, std::int64_t size, std::int64_t alignment) override {
    pool_->Free(buffer, size, alignment);
    used_ -= size;
    let_go();
  }
  std::int64_t bytes_allocated() const override { return used_; }
  std::int64_t total_bytes_allocated() const override { return pool_->total_bytes_allocated(); }
  std::int64_t num_allocations() const override { return pool_->num_allocations(); }
  std::string backend_name() const override { return pool_->backend_name(); }

 private:
  explicit LimitedPool(std::int64_t most) : pool_(arrow::default_memory_pool()), most_(most) {}

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
  void let_go() {
    if (--holders_ == 0) delete this;
  }

  arrow::MemoryPool* pool_;
  std::int64_t most_;
  std::atomic<std::int64_t> used_ = 0;
  std::atomic<std::int64_t> holders_ = 1;  ///< the owner and every block
};

}  // namespace arzoo::arrow_files
