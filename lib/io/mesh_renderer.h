#pragma once

#include "io/mesh.h"
#include "io/picture.h"

namespace arzoo::io {

/// From where a mesh is looked at: a camera far away, z or y up.
struct View {
  double azimuth = 0.0;     ///< degrees around the upright axis
  double elevation = 20.0;  ///< degrees above the horizon
  int64_t pixels = 256;     ///< of a side
  double half = 1.4;  ///< of the visible width, in the mesh's units around the origin: a cube's corners show
};

/// A shaded picture on white: one light beside the camera, normals mixed across triangles that face nearly
/// the same way, four samples a pixel. The y axis is up, as in glTF.
Picture render(const Mesh& mesh, const View& view);
/// The shape's outline: grey, black where the mesh is and white elsewhere.
Picture silhouette(const Mesh& mesh, const View& view);
/// A row of pictures of the mesh, rotated by a full circle in `views` steps.
std::vector<Picture> turn_table(const Mesh& mesh, int64_t views, const View& first = {});

}  // namespace arzoo::io
