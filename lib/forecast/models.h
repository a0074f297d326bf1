#pragma once

#include <tuple>
#include <utility>

#include "forecast/autoformer.h"
#include "forecast/gateformer.h"
#include "forecast/gpht.h"
#include "forecast/informer.h"
#include "forecast/itransformer.h"
#include "forecast/mixlinear.h"
#include "forecast/timae.h"
#include "forecast/time_moe.h"

// A folder of models outside of this tree (-DARZOO_MODELS=FOLDER): its models.h defines
// arzoo::forecast::OutsideModels.
#ifdef ARZOO_OUTSIDE_MODELS
#include ARZOO_OUTSIDE_MODELS
#endif

namespace arzoo::forecast {

#ifndef ARZOO_OUTSIDE_MODELS
using OutsideModels = std::tuple<>;
#endif

/// The table of forecasters: a model is known to the command line, the configs, the contract tests and the
/// README by standing here. Its source defines make<Options>().
using OwnModels = std::tuple<AutoformerOptions, InformerOptions, InformerStackOptions, InformerTslibOptions,
                             ITransformerOptions, MixLinearOptions, GateformerOptions, GphtOptions,
                             TiMaeOptions, TimeMoeOptions>;
using Models = decltype(std::tuple_cat(std::declval<OwnModels>(), std::declval<OutsideModels>()));

}  // namespace arzoo::forecast
