#include "core/mesh.h"

#include <bit>
#include <numeric>
#include <unordered_map>

namespace arzoo {
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
    if (tolerance_ == 0.0) return add(exact(point), point);
    for (int corner = 0; corner < 8; ++corner) {
      const auto found = cells_.find(cell(point, corner));
      if (found != cells_.end() && is_near(point, positions_[static_cast<std::size_t>(found->second)]))
        return found->second;
    }
    return add(cell(point, -1), point);
  }
  const std::vector<Vec3>& positions() const { return positions_; }

 private:
  /// By its bits; adding 0 makes one of the two zeros.
  static Cell exact(const Vec3& p) {
    const auto bits = [](float value) { return int64_t{std::bit_cast<std::uint32_t>(value + 0.0F)}; };
    return {bits(p.x), bits(p.y), bits(p.z)};
  }
  /// The cell of the point, or of one of the corners of the cube that is near to it.
  Cell cell(const Vec3& p, int corner) const {
    constexpr double kCellsPerTolerance = 0.25, kFarthest = 1e18;
    Cell result{};
    for (int axis = 0; axis < 3; ++axis) {
      const double shift = corner < 0 ? 0.0 : (corner >> axis & 1) != 0 ? tolerance_ : -tolerance_;
      const double place = std::floor((p[axis] + shift) / tolerance_ * kCellsPerTolerance);
      result[static_cast<std::size_t>(axis)] = static_cast<int64_t>(std::clamp(place, -kFarthest, kFarthest));
    }
    return result;
  }
  bool is_near(const Vec3& a, const Vec3& b) const {
    for (int axis = 0; axis < 3; ++axis) {
      if (std::abs(double{a[axis]} - b[axis]) > tolerance_) return false;
    }
    return true;
  }
  int32_t add(const Cell& cell, const Vec3& point) {
    const auto [entry, is_new] = cells_.emplace(cell, static_cast<int32_t>(positions_.size()));
    if (is_new) positions_.push_back(point);
    return entry->second;
  }

  double tolerance_;
  std::unordered_map<Cell, int32_t, CellHash> cells_;
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

int64_t count_components(const Mesh& mesh) {
  Groups groups(mesh.vertices.size());
  for (const auto& [a, b, c] : mesh.triangles) {
    groups.join(a, b);
    groups.join(b, c);
  }
  int64_t count = 0;
  std::vector<bool> seen(mesh.vertices.size());
  for (const auto& triangle : mesh.triangles) {
    const auto root = static_cast<std::size_t>(groups.root(triangle[0]));
    if (!seen[root]) ++count;
    seen[root] = true;
  }
  return count;
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
  summary.components = count_components(mesh);
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

}  // namespace arzoo
