#include "shape3d/shape_metrics.h"

#include "shape3d/kd_tree.h"

namespace arzoo::shape3d {
namespace {

double mean(const std::vector<float>& values, bool squared) {
  double sum = 0.0;
  for (const float value : values) sum += squared ? double{value} * value : value;
  return sum / static_cast<double>(values.size());
}

double share_below(const std::vector<float>& values, double threshold) {
  const auto near =
      std::count_if(values.begin(), values.end(), [&](float value) { return value < threshold; });
  return static_cast<double>(near) / static_cast<double>(values.size());
}

/// Distances from each point of `from` to the nearest of `to`; returns the mean agreement of their normals.
double measure(const SurfacePoints& from, const SurfacePoints& to, std::vector<float>& distances) {
  const KdTree tree(to.points);
  double agreement = 0.0;
  distances.reserve(from.points.size());
  for (std::size_t i = 0; i < from.points.size(); ++i) {
    const auto found = tree.nearest(from.points[i]);
    distances.push_back(std::sqrt(found.squared_distance));
    agreement += std::abs(dot(from.normals[i], to.normals[found.index]));
  }
  return agreement / static_cast<double>(from.points.size());
}

}  // namespace

double PointDistances::chamfer() const { return mean(to_predicted, false) + mean(to_reference, false); }

double PointDistances::squared_chamfer() const { return mean(to_predicted, true) + mean(to_reference, true); }

double PointDistances::f_score(double threshold) const {
  const double recall = share_below(to_predicted, threshold),
               precision = share_below(to_reference, threshold);
  return recall + precision > 0.0 ? 2.0 * recall * precision / (recall + precision) : 0.0;
}

PointDistances point_distances(const SurfacePoints& reference, const SurfacePoints& predicted) {
  PointDistances distances;
  distances.normal_consistency = 0.5 * (measure(reference, predicted, distances.to_predicted) +
                                        measure(predicted, reference, distances.to_reference));
  return distances;
}

runtime::Metrics surface_errors(const io::Mesh& reference, const io::Mesh& mesh, int64_t points) {
  if (mesh.triangles.empty()) return {{"chamfer", 4.0}, {"f_0.01", 0.0}, {"f_0.02", 0.0}, {"nc", 0.0}};
  std::mt19937_64 random(1);
  const auto expected = sample_surface(reference, points, random),
             found = sample_surface(mesh, points, random);
  const auto distances = point_distances(expected, found);
  return {{"chamfer", distances.chamfer()},
          {"f_0.01", distances.f_score(0.01)},
          {"f_0.02", distances.f_score(0.02)},
          {"nc", distances.normal_consistency}};
}

}  // namespace arzoo::shape3d
