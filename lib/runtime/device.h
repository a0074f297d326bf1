#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

#include "core/quantization.h"
#include "core/share.h"

namespace arzoo::runtime {

class ProcessGroup;

/// Where and in which precision a command computes.
struct Compute {
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
  Quantization quantization = Quantization::none;  ///< of linear maps, in inference
  /// Of several processes that train together: the part of each batch that is this one's, and what joins
  /// them.
  Share share = {};
  std::shared_ptr<ProcessGroup> group = {};  ///< null for one process

  bool quantizes() const { return quantization != Quantization::none; }
};

/// "fp32", "bf16", "fp16". Throws UsageError for other names.
at::ScalarType scalar_type_named(const std::string& name);

/// "auto" | "cpu" | "cuda[:i]" and "fp32" | "bf16" | "fp16". CUDA libraries are opened only for a CUDA device
/// ("auto": only where a driver is installed), and before anything else asks LibTorch for CUDA, which would
/// settle on "none" for good. Throws UsageError for a malformed name, SystemFailure when the CUDA device is
/// not there. `quantize`: "int8", "int4" or nothing; throws UsageError for these on another device than
/// a CPU.
Compute select_compute(const std::string& device, const std::string& dtype, const std::string& quantize = "");

/// "int8" or "int4" where linear maps are quantised, else "fp32", "bf16" or "fp16".
std::string precision_name(const Compute& compute);

/// Threads of the intra-op pool; 0 keeps the default. Call before the first computation.
void set_threads(int64_t threads);
int64_t threads();

/// Keeps freed memory in the process: tensors of a megabyte come and go with every layer, and handing their
/// pages back and forth costs a tenth of a small model's inference. Called once, by libarzoo's entry.
void keep_freed_memory();

/// One call seeds everything random: initialisation, dropout, sampling.
void seed(int64_t seed);

/// State of the default CPU generator, as a byte tensor; for exact resumption.
at::Tensor random_state();
void set_random_state(const at::Tensor& state);

}  // namespace arzoo::runtime
