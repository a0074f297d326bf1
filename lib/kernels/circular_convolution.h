#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::kernels {

/// Convolution of width three over time whose ends are joined: the token embedding, the distilling layer and
/// the trend's projection of this family. As matrix products over the channels, so that no tensor is
/// transposed.
///
/// x: [B, L, C]; weight: [D, C, 3]; bias: [D], may be undefined; returns [B, L + 2 * padding - 2, D], whose
/// step t sees the steps t - padding .. t - padding + 2 (mod L). padding: 1 or more.
at::Tensor circular_convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                                int64_t padding = 1);

/// [B, L, C] → [B, L + 2 * padding - 2, 3 * C]: what each step of such a convolution sees, step by step.
at::Tensor circular_neighbours(const at::Tensor& x, int64_t padding = 1);

/// The weight as a matrix for circular_neighbours: [D, C, 3] → [D, 3 * C].
at::Tensor neighbour_weight(const at::Tensor& weight);

}  // namespace arzoo::kernels
