#pragma once

#include <tuple>
#include <utility>

#include "core/zoo.h"
#include "forecast/autoformer.h"
#include "forecast/chronos2.h"
#include "forecast/chronos_bolt.h"
#include "forecast/gateformer.h"
#include "forecast/gpht.h"
#include "forecast/informer.h"
#include "forecast/itransformer.h"
#include "forecast/mixlinear.h"
#include "forecast/patchtst.h"
#include "forecast/timae.h"
#include "forecast/time_moe.h"
#include "forecast/timesfm.h"
#include "forecast/timexer.h"

#ifdef ARZOO_OUTSIDE_MODELS
#include ARZOO_OUTSIDE_MODELS
#endif

namespace arzoo::forecast {

/// The table of forecasters: a model is known to the command line, the configs, the contract tests and the
/// README by standing here. Its source defines make<Options>().
using OwnModels = std::tuple<AutoformerOptions, InformerOptions, InformerStackOptions, InformerTslibOptions,
                             ITransformerOptions, TimeXerOptions, PatchTstOptions, MixLinearOptions,
                             GateformerOptions, GphtOptions, TiMaeOptions, TimeMoeOptions, Chronos2Options,
                             ChronosBoltOptions, TimesFmOptions>;
using Models = decltype(std::tuple_cat(std::declval<OwnModels>(), std::declval<OutsideModels>()));

}  // namespace arzoo::forecast
