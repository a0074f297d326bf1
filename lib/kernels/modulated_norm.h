#pragma once

#include <ATen/core/Tensor.h>

/// Adaptive layer normalisation (Peebles & Xie, DiT, ICCV 2023): a condition scales and shifts what a layer
/// without parameters of its own normalises, and gates what a branch adds.
namespace arzoo::kernels {

/// What a condition does to normalised tokens: norm(x) * (1 + scale) + shift. [B, 1 or L, D], fp32 or,
/// in inference, bf16.
struct Modulation {
  at::Tensor scale, shift;
};

/// How tokens are normalised before that, along D.
struct NormForm {
  // NOLINTNEXTLINE(google-explicit-constructor): most norms are known by their epsilon alone
  NormForm(double epsilon, bool is_centred = true) : eps(epsilon), centred(is_centred) {}
  double eps;    ///< added to the variance, or to the mean square
  bool centred;  ///< layer normalisation; else by the root mean square (Zhang & Sennrich, NeurIPS 2019)
};

/// norm(x) * (1 + scale) + shift in `type`. x: [B, L, D]; returns [B, L, D]. One pass over x in inference on
/// a CPU, where x must be fp32.
at::Tensor modulated_norm(const at::Tensor& x, const Modulation& modulation, const NormForm& form,
                          at::ScalarType type);

/// x += gate * branch, then modulated_norm(x): the seam between two branches of a pre-norm block, one pass.
/// For inference: x, [B, L, D] fp32 and contiguous, is changed in place. branch: [B, L, D], fp32 or bf16;
/// gate: [B, 1 or L, D], undefined for a branch that is added as it is.
at::Tensor gated_modulated_norm(at::Tensor& x, const at::Tensor& branch, const at::Tensor& gate,
                                const Modulation& modulation, const NormForm& form, at::ScalarType type);

}  // namespace arzoo::kernels
