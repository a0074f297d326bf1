#pragma once

#include "runtime/parity.h"

namespace arzoo::forecast {

/// Replays a case of TimesFM: the network and decode(), forecast() under flags, or covariates by XReg. Throws
/// ConfigError for another kind.
void replay_timesfm(const runtime::ParityCase& fixture, runtime::ParityReport& report);

}  // namespace arzoo::forecast
