#pragma once

#include <tuple>

#include "shape3d/mar3d.h"
#include "shape3d/shape_vae.h"

namespace arzoo::shape3d {

/// The table of shape models: a model is known to the command line, the configs and the README by standing
/// here.
using Models = std::tuple<ShapeVaeOptions, Mar3dOptions>;

}  // namespace arzoo::shape3d
