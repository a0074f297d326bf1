#pragma once

#include <string>

#include "core/config.h"

namespace arzoo::tasks {

/// The first file or folder that a run of this resolved config reads and that is not there; empty when all
/// are. For benches, which leave such cells out.
std::string missing_input(const Json& config);

}  // namespace arzoo::tasks
