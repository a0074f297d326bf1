#pragma once

#include "io/mesh.h"

namespace arzoo::shape3d {

/// The mesh with about `triangles` triangles or fewer, by collapsing edges where that moves the surface least
/// (quadric error metrics, Garland & Heckbert 1997, as meshoptimizer does it). The topology stays, which may
/// need more triangles; a closed mesh stays closed, where it cannot be kept so it is returned unchanged.
io::Mesh decimated(io::Mesh mesh, int64_t triangles);

}  // namespace arzoo::shape3d
