#pragma once

#include "plan/tasks.h"
#include "runtime/family_command.h"

namespace arzoo::language {

/// `arzoo generate-text`: continues prompts. Returns {"texts": [{"prompt", "text", "ids", "stop"}], "tokens",
/// "seconds", "tokens_per_second", "output"?,
/// with a drafter "decoding": {"passes", "drafter_passes", "tokens_per_pass", "accepted_by_depth"}}; with
/// dry_run {"plan": {…}}.
Json run_generate_text(const plan::GenerateTextTask& task, const runtime::CommandContext& context);

}  // namespace arzoo::language
