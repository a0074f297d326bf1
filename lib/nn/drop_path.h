#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::nn {

/// Stochastic depth (Huang et al., ECCV 2016): which samples keep a branch that is dropped with probability
/// `p`, as a factor [B, 1, 1] of 0 or 1 / (1 - p). Sampled from the default generator.
at::Tensor sample_path_mask(int64_t batch, double p, const at::TensorOptions& options);
/// The factor of a given mask. path_mask: [B], 1 or 0.
at::Tensor path_mask(const at::Tensor& path_mask, double p);

}  // namespace arzoo::nn
