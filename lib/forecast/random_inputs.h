#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

#include "runtime/losses.h"
#include "runtime/named_tensors.h"

namespace arzoo::forecast {

/// The random integers of one forward pass, asked for in the order in which the official code generates them.
class RandomInputs {
 public:
  /// From the default CPU generator: a seed gives the numbers that it gives the official code.
  RandomInputs() = default;
  /// The same numbers in every pass, those of torch.manual_seed(0): for evaluation, where a forecast should
  /// depend on its window alone.
  static RandomInputs repeatable();
  /// Those that another program generated, by name. `recorded` must outlive this.
  static RandomInputs replayed(const runtime::NamedTensors& recorded);

  /// torch.randint(below, size), on the CPU. Throws CheckpointError when a recorded tensor is missing,
  /// DataError when it has another shape or numbers out of range.
  at::Tensor integers(const std::string& name, int64_t below, at::IntArrayRef size);

 private:
  std::optional<at::Generator> generator_;
  const runtime::NamedTensors* recorded_ = nullptr;
};

/// What a forward pass carries along besides tensors.
struct Pass {
  // Not explicit: most passes carry a trace or nothing.
  Pass(runtime::Trace* trace_or_null = nullptr, RandomInputs* random_inputs_or_null = nullptr)
      : trace(trace_or_null), random_inputs(random_inputs_or_null) {}

  /// Keeps an intermediate result under the name of its module, where there is a trace.
  void record(const std::string& module, const at::Tensor& value) const {
    if (trace != nullptr) trace->emplace_back("mid." + module, value);
  }

  /// Nothing is collected and nothing given.
  bool is_plain() const { return trace == nullptr && random_inputs == nullptr; }

  runtime::Trace* trace;        ///< collects intermediate results
  RandomInputs* random_inputs;  ///< for mechanisms that need any
};

}  // namespace arzoo::forecast
