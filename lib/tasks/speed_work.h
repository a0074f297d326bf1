#pragma once

#include "runtime/speed_work.h"
#include "tasks/speed_suite.h"

namespace arzoo::tasks {

/// Builds what the cell asks for. Throws DataError for data that does not fit, ConfigError when the model has
/// no such work.
std::unique_ptr<runtime::SpeedWork> make_speed_work(const ResolvedSpeedCell& cell,
                                                    const runtime::Compute& compute);

}  // namespace arzoo::tasks
