#pragma once

#include "runtime/parity.h"

namespace arzoo::shape3d {

/// Replays a fixture of shape models, meshes or metrics. Throws CheckpointError, ConfigError for a case of no
/// known kind.
void replay(const runtime::ParityCase& fixture, runtime::ParityReport& report);

}  // namespace arzoo::shape3d
