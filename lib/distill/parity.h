#pragma once

#include "runtime/parity.h"

namespace arzoo::distill {

/// Replays a fixture of this family: the flow from noise to tokens, sampling of both students of Distilled
/// Decoding 1, one with its teacher in between, a teacher's trajectories, losses and training steps of
/// Distilled Decoding 2. Throws ConfigError for a case that is none of these.
void replay(const runtime::ParityCase& fixture, runtime::ParityReport& report);

}  // namespace arzoo::distill
