#pragma once

#include <tuple>

#include "forecast/gateformer.h"
#include "forecast/gpht.h"
#include "forecast/itransformer.h"
#include "forecast/mixlinear.h"

namespace arzoo::forecast {

/// The table of forecasters: a model is known to the command line, the configs, the contract tests and the
/// README by standing here. Its source defines make<Options>().
using Models = std::tuple<ITransformerOptions, MixLinearOptions, GateformerOptions, GphtOptions>;

}  // namespace arzoo::forecast
