#pragma once

#include <tuple>

#include "image/feature_net.h"
#include "image/flowar.h"
#include "image/kl_vae.h"
#include "image/mar.h"
#include "image/var.h"
#include "image/vqvae.h"

namespace arzoo::image {

/// The table of image models: a model is known to the command line, the configs and the README by standing
/// here.
using Models =
    std::tuple<VqvaeOptions, VarOptions, KlVaeOptions, MarOptions, FlowArOptions, FeatureNetOptions>;

}  // namespace arzoo::image
