#pragma once

#include "runtime/model_entry.h"

namespace arzoo::graph {

/// Models of dynamic graphs: those of graph/models.h.
const runtime::Family& family();

}  // namespace arzoo::graph
