#pragma once

#include <cstddef>
#include <limits>

#include "io/mesh.h"

namespace arzoo::shape3d {

/// A surface sorted into boxes within boxes, for questions about single points.
class Bvh {
 public:
  /// `mesh` is copied. At least one triangle.
  explicit Bvh(const io::Mesh& mesh);

  struct Nearest {
    float distance = std::numeric_limits<float>::infinity();
    std::size_t triangle = 0;
    io::Vec3 point = {};
  };
  /// The surface's point that is nearest.
  Nearest nearest(io::Vec3 point) const;
  /// How often the surface goes around the point (Jacobson et al., SIGGRAPH 2013): 1 inside, 0 outside, and
  /// between the two where the surface has holes. Far boxes count as one dipole each (Barill et al., SIGGRAPH
  /// 2018), which errs by a few hundredths.
  double winding_number(io::Vec3 point) const;
  bool is_inside(io::Vec3 point) const { return winding_number(point) >= 0.5; }
  /// Distance to the surface, positive inside.
  float signed_distance(io::Vec3 point) const;

 private:
  struct Node {
    io::Box3 box;
    std::size_t begin = 0, end = 0;   ///< its triangles
    std::size_t left = 0, right = 0;  ///< 0: a leaf
    io::Vec3 centre, dipole;          ///< where its area is, and what the areas' vectors add up to
    float radius = 0;                 ///< of a ball around the centre that holds it
  };
  std::size_t build(std::size_t begin, std::size_t end);
  void measure(Node& node) const;
  void find_nearest(std::size_t node, io::Vec3 point, Nearest& best) const;
  double winding_of(std::size_t node, io::Vec3 point) const;

  io::Mesh mesh_;
  std::vector<std::size_t> order_;  ///< triangles as leaves have them
  std::vector<io::Vec3> centroids_;
  std::vector<Node> nodes_;
};

/// Turns the parts of a closed surface that are inside out: all where the whole has a negative volume, then
/// those of negative volume that are no cavity of the solid around them. Returns how many face another way
/// than before.
int64_t turn_outwards(io::Mesh& mesh);

}  // namespace arzoo::shape3d
