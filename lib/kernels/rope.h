#pragma once

#include <ATen/core/Tensor.h>

/// Rotary position embedding (Su et al., RoFormer, 2021).
namespace arzoo::kernels {

/// The turns of T positions: [B or 1, 1, T, E/2] each, in the type of the heads.
struct RopeAngles {
  at::Tensor cos, sin;
  /// Components 2i and 2i + 1 of a head turn together, as in the paper; else, as in the LLaMA line, i and
  /// i + E/2.
  bool interleaved = false;
};

/// position * theta^(-2i / head_dim), in fp32 and then rounded to `type`. positions: [T] or [B, T] long.
RopeAngles rope_angles(const at::Tensor& positions, int64_t head_dim, double theta, at::ScalarType type);

/// position * frequency. frequencies: [E/2] float; scale: of cosines and sines.
RopeAngles rope_angles(const at::Tensor& positions, const at::Tensor& frequencies, at::ScalarType type,
                       double scale = 1.0);

/// x rotated by the angles of its positions, in one pass in inference on a CPU. x: [B, H, T, E]; returns the
/// same shape.
at::Tensor apply_rope(const at::Tensor& x, const RopeAngles& angles);

}  // namespace arzoo::kernels
