#pragma once

#include "plan/tasks.h"
#include "runtime/family_command.h"

namespace arzoo::language {

/// `arzoo score`: how likely a language model finds texts. Returns {"files": [{"path", "tokens", "bytes",
/// "nats", "perplexity", "bits_per_byte"}], "context", "stride", "seconds"}; with dry_run {"plan": {…}}.
Json run_score(const plan::ScoreTask& task, const runtime::CommandContext& context);

}  // namespace arzoo::language
