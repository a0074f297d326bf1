#pragma once

#include "plan/tasks.h"
#include "runtime/family_command.h"

namespace arzoo::image {

/// What `arzoo generate-text --image` does: the most likely caption of a picture, of each picture of a folder
/// or of an IDX file, with its log-probability; with prompts, the probability of each of them. task.file: the
/// picture; task.prompts: captions to choose from. Throws UsageError, CheckpointError, DataError.
Json run_describe_pictures(const plan::GenerateTextTask& task, const runtime::CommandContext& context);

}  // namespace arzoo::image
