#pragma once

#include "io/step_plugin.h"

namespace arzoo::shape3d {

/// Turns each grid so that of its corners the lexicographically smallest is the first and the second of the
/// first row is smaller than the first of the last row; each edge so that its smaller end is the first. The
/// samples of a face do not depend on the direction of its parameters then.
void make_canonical(io::BrepGraph& graph);

/// Rotates boxes and grids about an axis (0, 1, 2) by so many quarter turns.
void rotate(io::BrepGraph& graph, int axis, int quarters);

}  // namespace arzoo::shape3d
