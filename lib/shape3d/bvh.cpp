#include "shape3d/bvh.h"

#include <algorithm>
#include <numbers>
#include <numeric>

namespace arzoo::shape3d {
namespace {

constexpr std::size_t kTrianglesPerLeaf = 8;

float squared_distance(const io::Box3& box, io::Vec3 p) {
  float sum = 0.0F;
  for (int axis = 0; axis < 3; ++axis) {
    const float outside = std::max({box.low[axis] - p[axis], 0.0F, p[axis] - box.high[axis]});
    sum += outside * outside;
  }
  return sum;
}

/// The point of segment ab that is nearest to p.
io::Vec3 nearest_on_segment(io::Vec3 a, io::Vec3 b, io::Vec3 p) {
  const auto side = b - a;
  const float size = dot(side, side);
  const float place = size > 0.0F ? std::clamp(dot(p - a, side) / size, 0.0F, 1.0F) : 0.0F;
  return a + side * place;
}

/// The triangle's point that is nearest to p: its own plane's, or that of one of its sides.
io::Vec3 nearest_on_triangle(const std::array<io::Vec3, 3>& corners, io::Vec3 p) {
  const auto normal = cross(corners[1] - corners[0], corners[2] - corners[0]);
  const float size = dot(normal, normal);
  bool above = size > 0.0F;
  for (std::size_t k = 0; k < 3 && above; ++k) {
    const auto side = corners[(k + 1) % 3] - corners[k];
    above = dot(cross(side, p - corners[k]), normal) >= 0.0F;
  }
  if (above) return p - normal * (dot(p - corners[0], normal) / size);
  io::Vec3 best = corners[0];
  float least = std::numeric_limits<float>::infinity();
  for (std::size_t k = 0; k < 3; ++k) {
    const auto point = nearest_on_segment(corners[k], corners[(k + 1) % 3], p);
    const float distance = dot(point - p, point - p);
    if (distance < least) best = point;
    least = std::min(least, distance);
  }
  return best;
}

/// The share of the full sphere that a triangle takes up as seen from p (van Oosterom & Strackee, 1983).
double solid_angle(const std::array<io::Vec3, 3>& corners, io::Vec3 p) {
  const auto a = corners[0] - p, b = corners[1] - p, c = corners[2] - p;
  const double x = length(a), y = length(b), z = length(c);
  const double above = dot(a, cross(b, c));
  const double below = x * y * z + dot(a, b) * z + dot(b, c) * x + dot(c, a) * y;
  return std::atan2(above, below) / (2.0 * std::numbers::pi);
}

/// A part of a closed surface.
struct ClosedPart {
  std::vector<std::size_t> triangles;
  std::size_t largest = 0;  ///< of its triangles
  double volume = 0.0;      ///< signed
};

std::vector<ClosedPart> closed_parts(const io::Mesh& mesh) {
  const auto part_of = io::parts_of(mesh);
  std::vector<ClosedPart> parts;
  const auto size_of = [&](std::size_t i) { return length(mesh.area_vector(mesh.triangles[i])); };
  for (std::size_t i = 0; i < part_of.size(); ++i) {
    const auto number = static_cast<std::size_t>(part_of[i]);
    if (number == parts.size()) parts.push_back({{}, i});
    auto& part = parts[number];
    part.triangles.push_back(i);
    if (size_of(i) > size_of(part.largest)) part.largest = i;
    // Around a vertex of the part itself the tetrahedra cancel least.
    const auto from = mesh.corner(mesh.triangles[part.triangles.front()], 0);
    const auto area = mesh.area_vector(mesh.triangles[i]), a = mesh.corner(mesh.triangles[i], 0) - from;
    part.volume += (double{area.x} * a.x + double{area.y} * a.y + double{area.z} * a.z) / 6.0;
  }
  return parts;
}

/// Whether a part of negative volume has the solid around it: whether a point close to its largest triangle,
/// on the side that would be solid, lies inside.
bool is_cavity(const io::Mesh& mesh, const Bvh& tree, const ClosedPart& part) {
  constexpr float kBehind = 1e-3F;  // of the triangle's size
  const auto& triangle = mesh.triangles[part.largest];
  const auto area = mesh.area_vector(triangle);
  const auto corners = mesh.corner(triangle, 0) + mesh.corner(triangle, 1) + mesh.corner(triangle, 2);
  return tree.is_inside(corners * (1.0F / 3.0F) - unit(area) * (kBehind * std::sqrt(length(area))));
}

}  // namespace

Bvh::Bvh(const io::Mesh& mesh) : mesh_(mesh), order_(mesh.triangles.size()) {
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  for (const auto& triangle : mesh_.triangles) {
    const auto sum = mesh_.corner(triangle, 0) + mesh_.corner(triangle, 1) + mesh_.corner(triangle, 2);
    centroids_.push_back(sum * (1.0F / 3.0F));
  }
  nodes_.reserve(2 * order_.size() / kTrianglesPerLeaf + 2);
  build(0, order_.size());
}

std::size_t Bvh::build(std::size_t begin, std::size_t end) {
  const auto index = nodes_.size();
  nodes_.push_back({{}, begin, end, 0, 0, {}, {}, 0});
  measure(nodes_.back());
  if (end - begin <= kTrianglesPerLeaf) return index;
  io::Box3 box;
  for (std::size_t i = begin; i < end; ++i) box.add(centroids_[order_[i]]);
  const auto size = box.size();
  const int axis = size.x >= size.y && size.x >= size.z ? 0 : size.y >= size.z ? 1 : 2;
  const auto middle = begin + (end - begin) / 2;
  const auto at = [&](std::size_t i) { return order_.begin() + static_cast<std::ptrdiff_t>(i); };
  std::nth_element(at(begin), at(middle), at(end),
                   [&](std::size_t a, std::size_t b) { return centroids_[a][axis] < centroids_[b][axis]; });
  const auto left = build(begin, middle);
  const auto right = build(middle, end);
  nodes_[index].left = left;
  nodes_[index].right = right;
  return index;
}

void Bvh::measure(Node& node) const {
  float area = 0.0F;
  for (std::size_t i = node.begin; i < node.end; ++i) {
    const auto& triangle = mesh_.triangles[order_[i]];
    const auto vector = mesh_.area_vector(triangle) * 0.5F;
    node.dipole = node.dipole + vector;
    node.centre = node.centre + centroids_[order_[i]] * length(vector);
    area += length(vector);
    for (int k = 0; k < 3; ++k) node.box.add(mesh_.corner(triangle, k));
  }
  node.centre = area > 0.0F ? node.centre * (1.0F / area) : node.box.centre();
  for (int corner = 0; corner < 8; ++corner) {
    const io::Vec3 at{(corner & 1) != 0 ? node.box.high.x : node.box.low.x,
                      (corner & 2) != 0 ? node.box.high.y : node.box.low.y,
                      (corner & 4) != 0 ? node.box.high.z : node.box.low.z};
    node.radius = std::max(node.radius, length(at - node.centre));
  }
}

Bvh::Nearest Bvh::nearest(io::Vec3 point) const {
  Nearest best;
  find_nearest(0, point, best);
  return best;
}

void Bvh::find_nearest(std::size_t index, io::Vec3 point, Nearest& best) const {
  const auto& node = nodes_[index];
  if (squared_distance(node.box, point) >= best.distance * best.distance) return;
  if (node.left == 0) {
    for (std::size_t i = node.begin; i < node.end; ++i) {
      const auto& triangle = mesh_.triangles[order_[i]];
      const auto on = nearest_on_triangle(
          {mesh_.corner(triangle, 0), mesh_.corner(triangle, 1), mesh_.corner(triangle, 2)}, point);
      const float distance = length(on - point);
      if (distance < best.distance) best = {distance, order_[i], on};
    }
    return;
  }
  const bool left_first =
      squared_distance(nodes_[node.left].box, point) <= squared_distance(nodes_[node.right].box, point);
  find_nearest(left_first ? node.left : node.right, point, best);
  find_nearest(left_first ? node.right : node.left, point, best);
}

double Bvh::winding_number(io::Vec3 point) const { return winding_of(0, point); }

double Bvh::winding_of(std::size_t index, io::Vec3 point) const {
  const auto& node = nodes_[index];
  constexpr float kFar = 2.3F;  // radii
  const auto away = node.centre - point;
  const float distance = length(away);
  if (distance > kFar * node.radius)
    return dot(node.dipole, away) / (4.0 * std::numbers::pi * double{distance} * distance * distance);
  if (node.left != 0) return winding_of(node.left, point) + winding_of(node.right, point);
  double sum = 0.0;
  for (std::size_t i = node.begin; i < node.end; ++i) {
    const auto& triangle = mesh_.triangles[order_[i]];
    sum +=
        solid_angle({mesh_.corner(triangle, 0), mesh_.corner(triangle, 1), mesh_.corner(triangle, 2)}, point);
  }
  return sum;
}

float Bvh::signed_distance(io::Vec3 point) const {
  const float distance = nearest(point).distance;
  return is_inside(point) ? distance : -distance;
}

int64_t turn_outwards(io::Mesh& mesh) {
  const auto parts = closed_parts(mesh);
  double whole = 0.0;
  for (const auto& part : parts) whole += part.volume;
  std::vector<bool> is_turned(parts.size(), whole < 0.0);
  const auto turn = [&](const ClosedPart& part) {
    for (const auto i : part.triangles) std::swap(mesh.triangles[i][1], mesh.triangles[i][2]);
  };
  if (whole < 0.0) std::for_each(parts.begin(), parts.end(), turn);
  const bool any_negative = std::any_of(parts.begin(), parts.end(), [&](const ClosedPart& part) {
    return (part.volume < 0.0) != (whole < 0.0);
  });
  if (!any_negative) return whole < 0.0 ? static_cast<int64_t>(parts.size()) : 0;
  const Bvh tree(mesh);
  const auto before = mesh;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    if ((parts[k].volume < 0.0) == (whole < 0.0) || is_cavity(before, tree, parts[k])) continue;
    turn(parts[k]);
    is_turned[k] = !is_turned[k];
  }
  return std::count(is_turned.begin(), is_turned.end(), true);
}

}  // namespace arzoo::shape3d
