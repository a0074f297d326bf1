#pragma once

#include <ATen/record_function.h>

#include <atomic>

namespace arzoo::runtime {

/// Counts the floating-point operations of the matrix products and convolutions that LibTorch carries out for
/// this thread, backward passes included; a multiply-add is two. Elementwise work, and kernels that are not
/// LibTorch's, count nothing. It slows each operation down: count in a repetition of its own, not in one that
/// is timed.
///
///     const FlopCounter counter;
///     model.forward(x);
///     counter.flops();
///
/// One counter at a time: a second one throws std::logic_error. It ends in the thread that it began in.
class FlopCounter {
 public:
  FlopCounter();
  ~FlopCounter();
  FlopCounter(const FlopCounter&) = delete;
  FlopCounter& operator=(const FlopCounter&) = delete;

  double flops() const { return flops_.load(); }

 private:
  struct Observer;

  std::atomic<double> flops_ = 0.0;
  at::CallbackHandle handle_;
};

}  // namespace arzoo::runtime
