#pragma once

#include <tuple>

#include "graph/todyformer.h"

namespace arzoo::graph {

/// The table of models of dynamic graphs: a model is known to the command line, the configs, the contract
/// tests and the README by standing here.
using Models = std::tuple<TodyformerOptions>;

}  // namespace arzoo::graph
