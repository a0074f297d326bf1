#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace arzoo::shape3d {

/// Which ends of edges are one vertex.
struct VertexClusters {
  std::vector<std::array<double, 3>> vertices = {};  ///< the mean of a cluster's ends
  std::vector<int64_t> of_end = {};                  ///< the cluster of each end
};

/// The official merging: within a face each end is paired with the nearest one of another edge; pairs of
/// different faces are joined by their centres; lists that share an end are united, and those whose centres
/// are nearer than the threshold. ends: start and end of each coedge; first_coedge: of each face, then their
/// count. Throws DataError where ends do not pair.
VertexClusters vertex_clusters(const std::vector<std::array<double, 3>>& ends,
                               const std::vector<int64_t>& first_coedge, double threshold);

}  // namespace arzoo::shape3d
