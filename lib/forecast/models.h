#pragma once

#include <tuple>

#include "forecast/autoformer.h"
#include "forecast/informer.h"
#include "forecast/itransformer.h"

namespace arzoo::forecast {

/// The table of forecasters: a model is known to the command line, the configs, the contract tests and the
/// README by standing here. Its source defines make<Options>().
using Models = std::tuple<AutoformerOptions, InformerOptions, InformerStackOptions, InformerTslibOptions,
                          ITransformerOptions>;

}  // namespace arzoo::forecast
