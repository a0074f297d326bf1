#pragma once

#include "runtime/model_entry.h"

namespace arzoo::language {

/// Language models: those of language/models.h.
const runtime::Family& family();

}  // namespace arzoo::language
