#pragma once

#include <c10/core/Allocator.h>

#include <cstdint>

#include "core/config.h"

namespace arzoo::runtime {

/// Bytes of memory that this process can have: the machine's, or less where its control group sets a limit.
uint64_t memory_limit();

/// While one lives, the tensors that this thread makes on the CPU count against three quarters of
/// memory_limit(): a config from outside cannot ask for a model that this machine could not hold. One at a
/// time in a thread.
class MemoryBudget {
 public:
  /// model: the section that asks for the tensors, named in messages.
  explicit MemoryBudget(const Config& model);
  ~MemoryBudget();
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// Called before `bytes` are allocated. Throws ConfigError when they are too many, or the tensors are.
  void charge(uint64_t bytes);

 private:
  const Config& model_;
  c10::Allocator* before_;
  uint64_t limit_, spent_ = 0, tensors_ = 0;
};

/// Throws ConfigError, at the section `model`, unless memory holds what training takes beside the
/// activations: `state_bytes` of weights, gradients and moments.
void require_memory(const Config& model, uint64_t state_bytes);

/// Why LibTorch could not hold tensors of the sizes asked for, as ConfigError at `model`. Called in a catch
/// block.
[[noreturn]] void reject_sizes(const Config& model, const c10::Error& error);

/// What `build` returns: a model whose sizes may come from an untrusted file. Throws ConfigError, at the
/// section `model`, before more memory is allocated than there is.
template <class Build>
auto within_memory(const Config& model, const Build& build) {
  const MemoryBudget budget(model);
  try {
    return build();
  } catch (const c10::Error& error) {
    reject_sizes(model, error);
  }
}

}  // namespace arzoo::runtime
