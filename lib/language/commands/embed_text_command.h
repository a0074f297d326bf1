#pragma once

#include "plan/tasks.h"
#include "runtime/family_command.h"

namespace arzoo::language {

/// Makes a vector of each line of a text file and writes them as .npy or .jsonl. Returns {"output", "texts",
/// "width", "tokens", "cut", "seconds", "tokens_per_second"}; with dry_run {"plan": {…}}.
Json run_embed_text(const plan::EmbedTextTask& task, const runtime::CommandContext& context);

}  // namespace arzoo::language
