#pragma once

#include "runtime/parity.h"

namespace arzoo::forecast {

/// Replays a fixture of this family: a forward pass, N training steps, or the data pipeline. Throws
/// ConfigError for a case that is none of these.
void replay(const runtime::ParityCase& fixture, runtime::ParityReport& report);

}  // namespace arzoo::forecast
