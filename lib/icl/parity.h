#pragma once

#include "runtime/parity.h"

namespace arzoo::icl {

/// Replays a fixture of this family: forward passes, gradients, training steps, constructions, data
/// generators, baselines, learning algorithms, prompting strategies, path finding. Throws ConfigError for a
/// case that is none of these.
void replay(const runtime::ParityCase& fixture, runtime::ParityReport& report);

}  // namespace arzoo::icl
