#pragma once

#include <c10/core/Allocator.h>

#include <cstdint>

namespace arzoo::runtime {

/// Counts the memory of the CPU tensors that this thread makes while one lives and that are alive still:
/// after a forward pass, what the backward pass will need. One at a time; tensors may outlive it.
class LiveTensors {
 public:
  LiveTensors();
  ~LiveTensors();
  LiveTensors(const LiveTensors&) = delete;
  LiveTensors& operator=(const LiveTensors&) = delete;

  int64_t bytes() const;

 private:
  c10::Allocator* before_;
  int64_t start_;
};

}  // namespace arzoo::runtime
