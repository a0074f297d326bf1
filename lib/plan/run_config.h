#pragma once

#include "core/config.h"
#include "plan/catalog.h"

namespace arzoo::plan {

/// A whole training config, checked: sections "model", "data", "training", "evaluation", keys "seed" and
/// "output". Throws ConfigError for anything unknown, mistyped or out of range. Returns the resolved
/// document: every value in force, enough to repeat the run; a relative data path is made relative to the
/// current directory when the file stands beside the config (`folder`).
Json resolve_run_config(const Config& config, const std::filesystem::path& folder);

/// The JSON Schema of a training config of this model.
Json run_config_schema(const ModelChoice& choice);

/// A config with every default of this model, ready to edit.
Json default_run_config(const ModelChoice& choice);

}  // namespace arzoo::plan
