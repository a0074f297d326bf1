#include "shape3d/mesh_smoothing.h"

namespace arzoo::shape3d {
namespace {

/// The first factor, and the eigenvalue of the Laplacian that a step leaves as it is.
constexpr float kLambda = 0.63F, kPassBand = 0.02F;
constexpr float kMu = 1.0F / (kPassBand - 1.0F / kLambda);

/// Moves each vertex by `share` of its way to the mean of its neighbours. A neighbour counts once for each
/// triangle, on a closed surface twice.
class NeighbourMean {
 public:
  explicit NeighbourMean(const io::Mesh& mesh) : mesh_(mesh), shares_(mesh.vertices.size()) {
    for (const auto& triangle : mesh.triangles)
      for (const int32_t vertex : triangle) shares_[static_cast<std::size_t>(vertex)] += 2.0F;
    for (auto& share : shares_) share = share > 0.0F ? 1.0F / share : 0.0F;
  }

  void move(std::vector<io::Vec3>& vertices, float share) {
    sums_.assign(vertices.size(), {});
    for (const auto& triangle : mesh_.triangles) {
      const auto a = static_cast<std::size_t>(triangle[0]), b = static_cast<std::size_t>(triangle[1]),
                 c = static_cast<std::size_t>(triangle[2]);
      sums_[a] = sums_[a] + vertices[b] + vertices[c];
      sums_[b] = sums_[b] + vertices[c] + vertices[a];
      sums_[c] = sums_[c] + vertices[a] + vertices[b];
    }
    for (std::size_t i = 0; i < vertices.size(); ++i) {
      if (shares_[i] > 0.0F) vertices[i] = vertices[i] + (sums_[i] * shares_[i] - vertices[i]) * share;
    }
  }

 private:
  const io::Mesh& mesh_;
  std::vector<float> shares_;  ///< 1 / neighbours; 0 of a vertex without triangles
  std::vector<io::Vec3> sums_;
};

}  // namespace

io::Mesh smoothed(io::Mesh mesh, int64_t steps) {
  auto vertices = mesh.vertices;
  NeighbourMean mean(mesh);
  for (int64_t step = 0; step < steps; ++step) {
    mean.move(vertices, kLambda);
    mean.move(vertices, kMu);
  }
  mesh.vertices = std::move(vertices);
  return mesh;
}

}  // namespace arzoo::shape3d
