#pragma once

#include "plan/transcribe_task.h"
#include "runtime/family_command.h"

namespace arzoo::speech {

/// `arzoo transcribe`: what is said in recordings. Returns {"recordings", "seconds", "compute_seconds",
/// "rtf", "tokens"}, with a manifest that has texts also "errors"; "lines" where nothing is written; with
/// dry_run {"plan": {…}}.
Json run_transcribe(const plan::TranscribeTask& task, const runtime::CommandContext& context);

}  // namespace arzoo::speech
