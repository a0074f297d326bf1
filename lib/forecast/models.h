#pragma once

#include <tuple>
#include <utility>

#include "core/zoo.h"
#include "forecast/models/autoformer.h"
#include "forecast/models/chronos2.h"
#include "forecast/models/chronos_bolt.h"
#include "forecast/models/gateformer.h"
#include "forecast/models/gpht.h"
#include "forecast/models/informer.h"
#include "forecast/models/itransformer.h"
#include "forecast/models/mixlinear.h"
#include "forecast/models/patchtst.h"
#include "forecast/models/timae.h"
#include "forecast/models/time_moe.h"
#include "forecast/models/timesfm.h"
#include "forecast/models/timexer.h"

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
