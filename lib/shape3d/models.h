#pragma once

#include <tuple>
#include <utility>

#include "core/zoo.h"
#include "shape3d/argus3d.h"
#include "shape3d/argus3d_vq.h"
#include "shape3d/g3pt.h"
#include "shape3d/g3pt_vq.h"
#include "shape3d/mar3d.h"
#include "shape3d/shape_vae.h"
#include "shape3d/solids/autobrep.h"
#include "shape3d/solids/autobrep_fsq.h"
#include "shape3d/vat.h"

#ifdef ARZOO_OUTSIDE_MODELS
#include ARZOO_OUTSIDE_MODELS
#endif

namespace arzoo::shape3d {

/// The table of shape models: a model is known to the command line, the configs and the README by standing
/// here.
using OwnModels = std::tuple<ShapeVaeOptions, Mar3dOptions, Argus3dVqOptions, Argus3dOptions, VatOptions,
                             G3ptVqOptions, G3ptOptions, AutobrepFsqOptions, AutobrepOptions>;
using Models = decltype(std::tuple_cat(std::declval<OwnModels>(), std::declval<OutsideModels>()));

}  // namespace arzoo::shape3d
