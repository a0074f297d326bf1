#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "io/vec3.h"

namespace arzoo::shape3d {

/// Points sorted for the search of the nearest (a k-d tree).
class KdTree {
 public:
  /// `points` are copied. At least one.
  explicit KdTree(std::vector<io::Vec3> points);

  struct Nearest {
    float squared_distance = HUGE_VALF;
    std::size_t index = 0;  ///< of the point, as it was given
  };
  Nearest nearest(io::Vec3 point) const;

 private:
  void sort(std::size_t begin, std::size_t end, int axis);
  void find(std::size_t begin, std::size_t end, int axis, io::Vec3 point, Nearest& best) const;

  std::vector<io::Vec3> points_;
  std::vector<std::size_t> order_;
};

}  // namespace arzoo::shape3d
