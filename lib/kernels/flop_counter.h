#pragma once

#include <ATen/record_function.h>

#include <atomic>

namespace arzoo::kernels {

/// Counts the floating-point operations of matrix products, convolutions, attention and linear solvers that
/// this thread carries out, backward passes included; a multiply-add is two. LibTorch's operations are
/// counted by formulas of their inputs' sizes, this program's own kernels report theirs (count_flops). Causal
/// attention counts the pairs of query and key that see each other. Elementwise work and Fourier transforms
/// count nothing. It slows each operation down: count in a repetition of its own, not in one that is timed.
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
  friend void count_flops(double flops);
  struct Observer;

  std::atomic<double> flops_ = 0.0;
  at::CallbackHandle handle_;
};

/// What the wrapper of a kernel that is not LibTorch's reports of itself: added to this thread's counter;
/// without one nothing happens.
void count_flops(double flops);

}  // namespace arzoo::kernels
