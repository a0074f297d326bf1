#pragma once

#include <tuple>
#include <utility>

#include "core/zoo.h"
#include "image/axial.h"
#include "image/eagle.h"
#include "image/feature_net.h"
#include "image/flowar.h"
#include "image/himar.h"
#include "image/kl_vae.h"
#include "image/llamagen.h"
#include "image/mar.h"
#include "image/mmar.h"
#include "image/var.h"
#include "image/vqvae.h"

#ifdef ARZOO_OUTSIDE_MODELS
#include ARZOO_OUTSIDE_MODELS
#endif

namespace arzoo::image {

/// The table of image models: a model is known to the command line, the configs and the README by standing
/// here.
using OwnModels =
    std::tuple<VqvaeOptions, VarOptions, KlVaeOptions, MarOptions, HiMarOptions, MmarOptions, FlowArOptions,
               LlamaGenVqOptions, LlamaGenOptions, EagleOptions, AxialOptions, FeatureNetOptions>;
using Models = decltype(std::tuple_cat(std::declval<OwnModels>(), std::declval<OutsideModels>()));

}  // namespace arzoo::image
