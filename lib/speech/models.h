#pragma once

#include <tuple>

#include "speech/cassnat.h"
#include "speech/paraformer.h"

namespace arzoo::speech {

/// The table of recognisers: a model is known to the command line, the configs, the contract tests and the
/// README by standing here.
using Models = std::tuple<ParaformerOptions, CassNatOptions>;

}  // namespace arzoo::speech
