#pragma once

#include "runtime/model_entry.h"

namespace arzoo::shape3d {

/// Models of 3D shapes: the models of shape3d/models.h, and the cases of marching cubes and metrics.
const runtime::Family& family();

}  // namespace arzoo::shape3d
