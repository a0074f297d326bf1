#pragma once

#include "runtime/model_entry.h"

namespace arzoo::distill {

/// Distilled students: the models of distill/models.h, and the cases of trajectories and losses.
const runtime::Family& family();

}  // namespace arzoo::distill
