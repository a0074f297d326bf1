#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

/// Activation checkpointing (Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016): of a block
/// only the inputs are kept for the backward pass, which computes the rest again.
namespace arzoo::runtime {

/// Blocks are recomputed whose forward pass runs in this thread while it lives.
class RecomputeScope {
 public:
  explicit RecomputeScope(bool active);
  ~RecomputeScope();
  /// Whether some block will be computed again.
  bool was_used() const;
  RecomputeScope(const RecomputeScope&) = delete;
  RecomputeScope& operator=(const RecomputeScope&) = delete;

 private:
  bool before_;
  int64_t blocks_;
};

/// Whether blocks of this thread's passes will be computed again.
bool recomputes();

/// A part of a model as a function of tensors. It is called once or twice and must not depend on anything
/// that has changed or gone by the time of the backward pass.
using Block = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>& inputs)>;

/// block(inputs). In a RecomputeScope with autograd, its intermediate results are freed at once, and computed
/// again in the backward pass with the same random numbers: the same gradients to the bit. Parameters that
/// the block uses get theirs as well. Inputs may be undefined; outputs are defined.
///
/// Throws std::logic_error when the block uses another result of the present pass than its inputs.
std::vector<at::Tensor> recomputed(const std::vector<at::Tensor>& inputs, const Block& block);

/// The same of a block with one input and one output.
at::Tensor recomputed(const at::Tensor& x, const std::function<at::Tensor(const at::Tensor&)>& block);

}  // namespace arzoo::runtime
