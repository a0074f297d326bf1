#pragma once

#include "core/json_fwd.h"
#include "runtime/process_group.h"

namespace arzoo::runtime {

/// What must be the same in all processes of a run: the build, the config, and the files that it names with
/// their sizes and checksums. config: resolved (plan/run_config.h).
Json run_identity(const Json& config);

/// Throws UsageError in every process, naming the first rank that differs from rank 0 and in what.
void require_same_run(ProcessGroup& group, const Json& identity);

}  // namespace arzoo::runtime
