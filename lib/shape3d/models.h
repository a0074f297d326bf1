#pragma once

#include <tuple>
#include <utility>

#include "core/zoo.h"
#include "shape3d/mar3d.h"
#include "shape3d/shape_vae.h"

#ifdef ARZOO_OUTSIDE_MODELS
#include ARZOO_OUTSIDE_MODELS
#endif

namespace arzoo::shape3d {

/// The table of shape models: a model is known to the command line, the configs and the README by standing
/// here.
using OwnModels = std::tuple<ShapeVaeOptions, Mar3dOptions>;
using Models = decltype(std::tuple_cat(std::declval<OwnModels>(), std::declval<OutsideModels>()));

}  // namespace arzoo::shape3d
