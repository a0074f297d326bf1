#include "shape3d/kd_tree.h"

#include <numeric>

namespace arzoo::shape3d {
namespace {

constexpr std::size_t kPointsPerLeaf = 8;

}  // namespace

KdTree::KdTree(std::vector<io::Vec3> points) : points_(std::move(points)), order_(points_.size()) {
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  sort(0, order_.size(), 0);
}

void KdTree::sort(std::size_t begin, std::size_t end, int axis) {
  if (end - begin <= kPointsPerLeaf) return;
  const auto middle = begin + (end - begin) / 2;
  const auto at = [&](std::size_t i) { return order_.begin() + static_cast<std::ptrdiff_t>(i); };
  std::nth_element(at(begin), at(middle), at(end),
                   [&](std::size_t a, std::size_t b) { return points_[a][axis] < points_[b][axis]; });
  sort(begin, middle, (axis + 1) % 3);
  sort(middle + 1, end, (axis + 1) % 3);
}

KdTree::Nearest KdTree::nearest(io::Vec3 point) const {
  Nearest best;
  find(0, order_.size(), 0, point, best);
  return best;
}

void KdTree::find(std::size_t begin, std::size_t end, int axis, io::Vec3 point, Nearest& best) const {
  const auto try_one = [&](std::size_t i) {
    const auto away = points_[order_[i]] - point;
    const float distance = dot(away, away);
    if (distance < best.squared_distance) best = {distance, order_[i]};
  };
  if (end - begin <= kPointsPerLeaf) {
    for (std::size_t i = begin; i < end; ++i) try_one(i);
    return;
  }
  const auto middle = begin + (end - begin) / 2;
  try_one(middle);
  const float across = point[axis] - points_[order_[middle]][axis];
  const int next = (axis + 1) % 3;
  if (across < 0.0F) {
    find(begin, middle, next, point, best);
    if (across * across < best.squared_distance) find(middle + 1, end, next, point, best);
  } else {
    find(middle + 1, end, next, point, best);
    if (across * across < best.squared_distance) find(begin, middle, next, point, best);
  }
}

}  // namespace arzoo::shape3d
