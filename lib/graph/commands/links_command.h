#pragma once

#include "plan/tasks.h"
#include "runtime/family_command.h"

namespace arzoo::graph {

/// `arzoo links`: the links that a trained model expects next, or how well it predicts those of a file.
/// Returns {"events", "at", "links": [{"source", "target", "probability", "met", "last"}]}, where met counts
/// the pair's events before, or {"evaluated": events, "rows": [{"method", metric: value}]}; with dry_run
/// {"plan": {…}}.
Json run_links(const plan::LinksTask& task, const runtime::CommandContext& context);

}  // namespace arzoo::graph
