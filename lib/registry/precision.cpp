#include "registry/precision.h"

#include <algorithm>

#include "forecast/precision_losses.h"
#include "language/precision_losses.h"

namespace arzoo::registry {

std::optional<runtime::PrecisionLoss> find_precision_loss(std::string_view model) {
  for (const auto& losses : {forecast::precision_losses(), language::precision_losses()}) {
    const auto found =
        std::find_if(losses.begin(), losses.end(), [&](const auto& loss) { return loss.model == model; });
    if (found != losses.end()) return *found;
  }
  return std::nullopt;
}

}  // namespace arzoo::registry
