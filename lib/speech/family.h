#pragma once

#include "runtime/model_entry.h"

namespace arzoo::speech {

/// Recognisers of speech: those of speech/models.h.
const runtime::Family& family();

}  // namespace arzoo::speech
