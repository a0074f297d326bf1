#pragma once

#include "runtime/parity.h"

namespace arzoo::forecast {

/// Replays a Time-MoE fixture by its kind: prefill, loss, generate, forecast, bf16, train, eval or dataset.
/// Throws ConfigError for another kind.
void replay_time_moe(const runtime::ParityCase& fixture, runtime::ParityReport& report);

}  // namespace arzoo::forecast
