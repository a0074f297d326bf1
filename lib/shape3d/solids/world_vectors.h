#pragma once

#include <array>
#include <cmath>

/// Arithmetic of points and directions in the world.
namespace arzoo::shape3d {

using WorldPoint = std::array<double, 3>;

inline WorldPoint plus(const WorldPoint& a, const WorldPoint& b) {
  return {a[0] + b[0], a[1] + b[1], a[2] + b[2]};
}
inline WorldPoint minus(const WorldPoint& a, const WorldPoint& b) {
  return {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
}
inline WorldPoint times(const WorldPoint& a, double factor) {
  return {a[0] * factor, a[1] * factor, a[2] * factor};
}
inline double dot(const WorldPoint& a, const WorldPoint& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
inline WorldPoint cross(const WorldPoint& a, const WorldPoint& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
inline double norm(const WorldPoint& a) { return std::sqrt(dot(a, a)); }
/// a itself where it has no direction.
inline WorldPoint unit(const WorldPoint& a) {
  const double length = norm(a);
  return length > 0.0 ? times(a, 1.0 / length) : a;
}
/// A direction at right angles to `a`, of length 1.
inline WorldPoint across(const WorldPoint& a) {
  const WorldPoint other = std::abs(a[0]) < 0.6 ? WorldPoint{1, 0, 0} : WorldPoint{0, 1, 0};
  return unit(cross(a, other));
}

}  // namespace arzoo::shape3d
