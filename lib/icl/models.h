#pragma once

#include <tuple>

#include "icl/akyurek_causal_lm.h"
#include "icl/alpine_nanogpt.h"
#include "icl/garg_gpt2.h"
#include "icl/mesa_transformer.h"
#include "icl/vonoswald_transformer.h"

namespace arzoo::icl {

/// The table of in-context learners: a model is known to the command line, the configs, the contract tests
/// and the README by standing here.
using Models =
    std::tuple<VonOswaldOptions, GargGpt2Options, AkyurekOptions, MesaTransformerOptions, AlpineOptions>;

}  // namespace arzoo::icl
