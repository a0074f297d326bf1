#pragma once

#include <ATen/core/Tensor.h>

/// Adaptive layer normalisation (Peebles & Xie, DiT, ICCV 2023): a condition scales and shifts what a layer
/// without parameters of its own normalises, and gates what a branch adds.
namespace arzoo::nn {

/// What a condition does to normalised tokens: LN(x) * (1 + scale) + shift. [B, 1 or L, D], fp32 in
/// inference.
struct Modulation {
  at::Tensor scale, shift;
};

/// LN(x) * (1 + scale) + shift in `type`. x: [B, L, D]; returns [B, L, D]. One pass over x in inference on a
/// CPU, where x must be fp32.
at::Tensor modulated_norm(const at::Tensor& x, const Modulation& modulation, double eps, at::ScalarType type);

/// x += gate * branch, then modulated_norm(x): the seam between two branches of a pre-norm block, one pass.
/// For inference: x, [B, L, D] fp32 and contiguous, is changed in place. branch: [B, L, D], fp32 or bf16;
/// gate: [B, 1 or L, D].
at::Tensor gated_modulated_norm(at::Tensor& x, const at::Tensor& branch, const at::Tensor& gate,
                                const Modulation& modulation, double eps, at::ScalarType type);

}  // namespace arzoo::nn
