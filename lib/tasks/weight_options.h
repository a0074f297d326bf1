#pragma once

#include "core/config.h"
#include "runtime/training_options.h"

namespace arzoo::tasks {

/// Refuses how the weights are to be kept where it does not suit the model of the run. Throws ConfigError.
void check_weight_options(const Config& run, const runtime::TrainingOptions& options);

}  // namespace arzoo::tasks
