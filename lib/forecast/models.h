#pragma once

#include <tuple>

#include "forecast/autoformer.h"
#include "forecast/gateformer.h"
#include "forecast/gpht.h"
#include "forecast/informer.h"
#include "forecast/itransformer.h"
#include "forecast/mixlinear.h"
#include "forecast/timae.h"
#include "forecast/time_moe.h"

namespace arzoo::forecast {

/// The table of forecasters: a model is known to the command line, the configs, the contract tests and the
/// README by standing here. Its source defines make<Options>().
using Models = std::tuple<AutoformerOptions, InformerOptions, InformerStackOptions, InformerTslibOptions,
                          ITransformerOptions, MixLinearOptions, GateformerOptions, GphtOptions, TiMaeOptions,
                          TimeMoeOptions>;

}  // namespace arzoo::forecast
