#pragma once

#include <vector>

#include "io/vec3.h"

namespace arzoo::shape3d {

/// How a set of generated shapes compares with a set of real ones, as clouds of points (Achlioptas et al.,
/// ICML 2018; Yang et al., PointFlow, ICCV 2019). Distances between clouds are Chamfer's (see
/// PointDistances).
struct GenerationQuality {
  double mmd = 0.0;  ///< minimum matching distance: of real shapes to the nearest generated one, averaged
  double coverage = 0.0;  ///< share of the real shapes that are the nearest one of a generated shape
  double nna = 0.0;       ///< accuracy of telling both sets apart by the nearest neighbour: 0.5 at best
};

/// Neither set may be empty, nor a cloud in it.
GenerationQuality generation_quality(const std::vector<std::vector<io::Vec3>>& real,
                                     const std::vector<std::vector<io::Vec3>>& sampled);

}  // namespace arzoo::shape3d
