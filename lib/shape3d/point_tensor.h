#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "shape3d/surface_points.h"

/// Points between the geometry, which knows no tensors, and the models.
namespace arzoo::shape3d {

/// [N, 3] fp32, a copy.
at::Tensor tensor_of(std::span<const io::Vec3> points);
/// [N, 6]: places and normals.
at::Tensor tensor_of(const SurfacePoints& points);
/// The reverse of the first: points [N, 3].
std::vector<io::Vec3> points_of(const at::Tensor& points);

}  // namespace arzoo::shape3d
