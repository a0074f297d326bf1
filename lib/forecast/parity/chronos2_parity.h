#pragma once

#include "runtime/parity.h"

namespace arzoo::forecast {

/// Replays a case of Chronos-2 by what it holds: a model call, a prediction of raw series, of series with
/// covariates or of tables, fine-tuning in full or with LoRA. Throws ConfigError for another kind.
void replay_chronos2(const runtime::ParityCase& fixture, runtime::ParityReport& report);

}  // namespace arzoo::forecast
