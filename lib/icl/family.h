#pragma once

#include "runtime/model_entry.h"

namespace arzoo::icl {

/// In-context learners: the models of icl/models.h, and the cases of data, baselines and algorithms.
const runtime::Family& family();

}  // namespace arzoo::icl
