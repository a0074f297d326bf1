#pragma once

#include <ATen/record_function.h>

#include <map>
#include <string>
#include <vector>

#include "kernels/flop_counter.h"

namespace arzoo::tasks {

/// What a kind of operation took: its own time, without that of the operations that it calls.
struct OperatorCost {
  int64_t calls = 0;
  double seconds = 0.0;
  double flops = 0.0;
  double bytes = 0.0;  ///< of the tensors that go in and come out, of the innermost operations
  bool moves = true;   ///< false: a view, whose tensors stay where they are
};

/// Times LibTorch's operations of this thread, by name, backward passes included. It slows each of them down
/// by a microsecond or two. Kernels of this program that are no operations of LibTorch's, and everything else
/// between operations, are what is left of the whole.
class OperatorProfile {
 public:
  OperatorProfile();
  ~OperatorProfile();
  OperatorProfile(const OperatorProfile&) = delete;
  OperatorProfile& operator=(const OperatorProfile&) = delete;

  /// By the operators' names, "aten::addmm".
  const std::map<std::string, OperatorCost>& costs() const { return costs_; }
  /// All floating-point operations since it began, those outside LibTorch's operations included.
  double flops() const { return counter_.flops(); }

 private:
  struct Observer;
  struct Frame;

  std::map<std::string, OperatorCost> costs_;
  std::vector<Frame*> open_;  ///< operations that have begun, the outermost first
  // Before the counter: what an operation counts belongs to it.
  at::CallbackHandle handle_;
  kernels::FlopCounter counter_;
};

/// "products", "attention", "copies", …: what an operation of this name is for.
std::string operator_kind(const std::string& name);

}  // namespace arzoo::tasks
