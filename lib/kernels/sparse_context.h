#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::kernels {

/// How the heads' results [B, L, H, E] become rows [B, L, H * E].
enum class HeadOrder {
  usual,
  /// [B, H, L, E] read as if it were [B, L, H * E], which mixes steps and heads: "mix" of Informer, on which
  /// trained weights depend.
  mixed
};

/// The result of ProbSparse attention for the selected queries: rows `top` of the result are softmax(q k^T /
/// sqrt(E)) v, the others the mean of v or, where causal, its running sum up to them.
///
/// In inference on a CPU it is one pass per head over buffers of a few KB; under autograd, LibTorch's
/// operations on the selected rows alone.
///
/// q: [B, H, L, E]; k, v: [B, H, S, E]; top: [B, H, u] int64; returns [B, L, H, E], laid out in memory as a
/// layer with this order of heads reads it.
at::Tensor sparse_context(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          const at::Tensor& top, bool causal, HeadOrder order);

}  // namespace arzoo::kernels
