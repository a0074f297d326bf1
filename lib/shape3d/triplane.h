#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <string>
#include <utility>

/// Three planes that a shape's features lie in (Peng et al., Convolutional Occupancy Networks, ECCV 2020). B
/// shapes, Q points, C channels, R cells of a side.
namespace arzoo::shape3d {

/// The planes in their order, and the axes that each spans: the first is the column, the second the row.
inline constexpr std::array<const char*, 3> kPlaneNames{"xz", "xy", "yz"};
inline constexpr std::array<std::pair<int64_t, int64_t>, 3> kPlaneAxes{{{0, 2}, {0, 1}, {1, 2}}};

/// The two coordinates of points in a plane: points [B, Q, 3] to [B, Q, 2].
at::Tensor plane_coordinates(const at::Tensor& points, std::size_t plane);

/// A plane's features at places of [-1, 1]^2, whose ends are the centres of the outermost cells; beyond them
/// those of the border. map: [B, C, R, R]; places: [B, Q, 2]; returns [B, Q, C].
at::Tensor sample_plane(const at::Tensor& map, const at::Tensor& places, bool nearest = false);

}  // namespace arzoo::shape3d
