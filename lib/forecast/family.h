#pragma once

#include "runtime/model_entry.h"

namespace arzoo::forecast {

/// Forecasters: the models of forecast/models.h.
const runtime::Family& family();

}  // namespace arzoo::forecast
