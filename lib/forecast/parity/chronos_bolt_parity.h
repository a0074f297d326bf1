#pragma once

#include "runtime/parity.h"

namespace arzoo::forecast {

/// Replays a case of Chronos-Bolt: a prediction of raw series, or training steps. Throws ConfigError for
/// another kind.
void replay_chronos_bolt(const runtime::ParityCase& fixture, runtime::ParityReport& report);

}  // namespace arzoo::forecast
