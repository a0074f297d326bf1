#pragma once

#include "io/mesh.h"

namespace arzoo::shape3d {

/// Taubin smoothing ("A signal processing approach to fair surface design", SIGGRAPH 1995): each step moves
/// every vertex towards the mean of its neighbours and then back by a little more, so that ripples go and the
/// volume stays. Waves longer than about 22 edges pass. The triangles stay as they are. Linear time per step.
io::Mesh smoothed(io::Mesh mesh, int64_t steps);

}  // namespace arzoo::shape3d
