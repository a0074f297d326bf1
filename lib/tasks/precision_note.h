#pragma once

#include "core/progress.h"
#include "plan/tasks.h"

namespace arzoo::tasks {

/// One line, when the work is to be done in bf16 on a processor whose bf16 products are slower than its fp32
/// ones. Puts compute.threads in force and may measure for a tenth of a second.
void note_slow_precision(const plan::ComputeOptions& compute, Progress& progress);

}  // namespace arzoo::tasks
