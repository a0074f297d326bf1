#include "io/mesh.h"

#include <bit>
#include <limits>
#include <numeric>
#include <unordered_map>
#include <utility>

namespace arzoo::io {
namespace {

/// A cell of a grid, three coordinates.
using Cell = std::array<int64_t, 3>;

struct CellHash {
  std::size_t operator()(const Cell& cell) const {
    std::uint64_t hash = 0;
    for (const auto part : cell) {
      hash = (hash ^ static_cast<std::uint64_t>(part)) * 0x9E3779B97F4A7C15ULL;
      hash ^= hash >> 29;
    }
    return static_cast<std::size_t>(hash);
  }
};

/// Positions that were seen, found again by where they are.
class Places {
 public:
  explicit Places(double tolerance) : tolerance_(tolerance) {}

  /// The first position within the tolerance of this one, which becomes one itself when there is none.
  int32_t of(const Vec3& point) {
    const auto found = find(point);
    if (found != kNone) return found;
    const auto own = static_cast<int32_t>(positions_.size());
    const auto [head, is_new] = cells_.emplace(cell(point, 0.0, 0), own);
    next_.push_back(is_new ? kNone : std::exchange(head->second, own));
    positions_.push_back(point);
    return own;
  }
  const std::vector<Vec3>& positions() const { return positions_; }

 private:
  static constexpr int32_t kNone = std::numeric_limits<int32_t>::max();

  int32_t find(const Vec3& point) const {
    int32_t first = kNone;
    // What is near lies in the cells of the corners of the cube around the point. A cell holds few: its
    // positions are more than the tolerance from each other.
    for (int corner = 0; corner < (tolerance_ == 0.0 ? 1 : 8); ++corner) {
      const auto head = cells_.find(cell(point, tolerance_, corner));
      for (int32_t i = head == cells_.end() ? kNone : head->second; i != kNone;
           i = next_[static_cast<std::size_t>(i)]) {
        if (i < first && is_near(point, positions_[static_cast<std::size_t>(i)])) first = i;
      }
    }
    return first;
  }
  /// The cell of a corner of the cube of 2 `reach` around the point.
  Cell cell(const Vec3& p, double reach, int corner) const {
    Cell result{};
    for (int axis = 0; axis < 3; ++axis)
      result[static_cast<std::size_t>(axis)] = place(p[axis], (corner >> axis & 1) != 0 ? reach : -reach);
    return result;
  }
  /// Cells are four tolerances wide. Where floats are farther apart than that, and without a tolerance, each
  /// number is a cell of its own, told from the others by its bits; adding 0 makes one of the two zeros.
  int64_t place(float value, double shift) const {
    constexpr double kCellsPerTolerance = 0.25;
    constexpr int64_t kFarthest = int64_t{1} << 40;
    if (!(std::abs(value) * kCellsPerTolerance < static_cast<double>(kFarthest) * tolerance_))
      return 2 * kFarthest + int64_t{std::bit_cast<std::uint32_t>(value + 0.0F)};
    return static_cast<int64_t>(std::floor((value + shift) / tolerance_ * kCellsPerTolerance));
  }
  bool is_near(const Vec3& a, const Vec3& b) const {
    for (int axis = 0; axis < 3; ++axis) {
      if (std::abs(double{a[axis]} - b[axis]) > tolerance_) return false;
    }
    return true;
  }

  double tolerance_;
  std::unordered_map<Cell, int32_t, CellHash> cells_;  ///< the latest position of each cell
  std::vector<int32_t> next_;                          ///< the one before it in its cell
  std::vector<Vec3> positions_;
};

/// Which vertices hang together (union-find with path halving).
class Groups {
 public:
  explicit Groups(std::size_t size) : parent_(size) { std::iota(parent_.begin(), parent_.end(), 0); }

  int32_t root(int32_t of) {
    while (parent_[static_cast<std::size_t>(of)] != of) {
      auto& parent = parent_[static_cast<std::size_t>(of)];
      parent = parent_[static_cast<std::size_t>(parent)];
      of = parent;
    }
    return of;
  }
  void join(int32_t a, int32_t b) { parent_[static_cast<std::size_t>(root(a))] = root(b); }

 private:
  std::vector<int32_t> parent_;
};

/// Each edge of each triangle as one number: its vertices, the lower one first, and whether the triangle runs
/// from that to the other. Sorted, so that the triangles of one edge stand together.
std::vector<std::uint64_t> directed_edges(const Mesh& mesh) {
  std::vector<std::uint64_t> edges;
  edges.reserve(3 * mesh.triangles.size());
  for (const auto& triangle : mesh.triangles) {
    for (std::size_t k = 0; k < 3; ++k) {
      const auto a = static_cast<std::uint64_t>(triangle[k]);
      const auto b = static_cast<std::uint64_t>(triangle[(k + 1) % 3]);
      edges.push_back(std::min(a, b) << 32 | std::max(a, b) << 1 | (a < b ? 1 : 0));
    }
  }
  std::sort(edges.begin(), edges.end());
  return edges;
}

void count_edges(const Mesh& mesh, MeshSummary& summary) {
  const auto edges = directed_edges(mesh);
  for (std::size_t begin = 0, end = 0; begin < edges.size(); begin = end) {
    int balance = 0;
    for (; end < edges.size() && edges[end] >> 1 == edges[begin] >> 1; ++end)
      balance += (edges[end] & 1) != 0 ? 1 : -1;
    ++summary.edges;
    if (end - begin != 2 || balance != 0) ++summary.open_edges;
  }
}

}  // namespace

Mesh welded(const Mesh& mesh, double tolerance) {
  Mesh result;
  Places places(tolerance);
  std::vector<int32_t> place_of;
  place_of.reserve(mesh.vertices.size());
  for (const auto& vertex : mesh.vertices) place_of.push_back(places.of(vertex));
  const auto& merged = places.positions();
  std::vector<int32_t> kept(merged.size(), -1);
  for (auto triangle : mesh.triangles) {
    for (auto& index : triangle) index = place_of[static_cast<std::size_t>(index)];
    if (triangle[0] == triangle[1] || triangle[1] == triangle[2] || triangle[2] == triangle[0]) continue;
    for (const auto index : triangle) kept[static_cast<std::size_t>(index)] = 0;
    result.triangles.push_back(triangle);
  }
  for (std::size_t i = 0; i < merged.size(); ++i) {
    if (kept[i] < 0) continue;
    kept[i] = static_cast<int32_t>(result.vertices.size());
    result.vertices.push_back(merged[i]);
  }
  for (auto& triangle : result.triangles) {
    for (auto& index : triangle) index = kept[static_cast<std::size_t>(index)];
  }
  return result;
}

std::vector<int32_t> parts_of(const Mesh& mesh) {
  Groups groups(mesh.vertices.size());
  for (const auto& [a, b, c] : mesh.triangles) {
    groups.join(a, b);
    groups.join(b, c);
  }
  std::vector<int32_t> number_of(mesh.vertices.size(), -1), parts;
  int32_t count = 0;
  for (const auto& triangle : mesh.triangles) {
    auto& number = number_of[static_cast<std::size_t>(groups.root(triangle[0]))];
    if (number < 0) number = count++;
    parts.push_back(number);
  }
  return parts;
}

std::vector<Vec3> vertex_normals(const Mesh& mesh) {
  std::vector<Vec3> normals(mesh.vertices.size());
  for (const auto& triangle : mesh.triangles) {
    const auto area = mesh.area_vector(triangle);
    for (const auto index : triangle) {
      auto& normal = normals[static_cast<std::size_t>(index)];
      normal = normal + area;
    }
  }
  for (auto& normal : normals) normal = unit(normal);
  return normals;
}

MeshSummary summarise(const Mesh& mesh) {
  MeshSummary summary;
  summary.vertices = static_cast<int64_t>(mesh.vertices.size());
  summary.triangles = static_cast<int64_t>(mesh.triangles.size());
  count_edges(mesh, summary);
  for (const auto part : parts_of(mesh)) summary.components = std::max<int64_t>(summary.components, part + 1);
  summary.euler = summary.vertices - summary.edges + summary.triangles;
  for (const auto& vertex : mesh.vertices) summary.box.add(vertex);
  // Volumes are sums of tetrahedra that cancel: around a point of the mesh they cancel least.
  const auto origin = mesh.vertices.empty() ? Vec3() : summary.box.centre();
  for (const auto& triangle : mesh.triangles) {
    const auto area = mesh.area_vector(triangle);
    summary.area +=
        0.5 * std::sqrt(double{area.x} * area.x + double{area.y} * area.y + double{area.z} * area.z);
    const auto a = mesh.corner(triangle, 0) - origin;
    summary.volume += (double{area.x} * a.x + double{area.y} * a.y + double{area.z} * a.z) / 6.0;
  }
  return summary;
}

}  // namespace arzoo::io
