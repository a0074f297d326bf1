#pragma once

#include <string>
#include <vector>

#include "io/step_plugin.h"

namespace arzoo::shape3d {

/// Prisms with flat faces, which need no CAD kernel: block, angle (an L), gutter (a U), cross.
const std::vector<std::string>& prism_kinds();

/// Prism number `index` of a seed, of a kind of prism_kinds().
io::BrepGraph make_prism(const std::string& kind, uint64_t seed, uint64_t index, int64_t side);

}  // namespace arzoo::shape3d
