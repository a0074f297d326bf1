#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace arzoo::shape3d {

/// Surface points of a batch of shapes: one cloud, or a pyramid's three, the finest first.
struct SurfaceClouds {
  std::vector<at::Tensor> levels;  ///< [B, N_k, 6]: places and unit normals
  at::Tensor fps_start;  ///< [B] long: where the choice of queries begins; undefined: learned queries

  SurfaceClouds to(at::Device device) const;
};

/// What a training batch of shapes holds.
struct ShapeBatch {
  SurfaceClouds clouds;
  at::Tensor points;       ///< [B, Q, 3]
  at::Tensor occupancies;  ///< [B, Q], 1 inside
};

}  // namespace arzoo::shape3d
