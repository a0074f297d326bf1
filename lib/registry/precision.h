#pragma once

#include "runtime/precision_loss.h"

namespace arzoo::registry {

/// What lower precisions cost a model, where that was measured; nothing for other models.
std::optional<runtime::PrecisionLoss> find_precision_loss(std::string_view model);

}  // namespace arzoo::registry
