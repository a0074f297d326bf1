#pragma once

#include "core/config.h"
#include "registry/catalog.h"

namespace arzoo::plan {

/// A whole training config, checked: sections "model", "data", "training", "evaluation", keys "seed" and
/// "output". Throws ConfigError for anything unknown, mistyped or out of range. Returns the resolved
/// document: every value in force, enough to repeat the run; a relative data path is made relative to the
/// current directory when the file stands beside the config (`folder`).
Json resolve_run_config(const Config& config, const std::filesystem::path& folder);

/// The files and folders that a run of this resolved config reads, named or empty.
std::vector<std::filesystem::path> input_paths(const Json& config);

/// What the user should know of keys that still have an older name ("x.json: "undecayed" is the old name of
/// "no_weight_decay""). config: as it was written.
std::vector<std::string> old_keys(const Config& config);

/// The JSON Schema of a training config of this model.
Json run_config_schema(const registry::ModelChoice& choice);

/// A config with every default of this model, ready to edit.
Json default_run_config(const registry::ModelChoice& choice);

}  // namespace arzoo::plan
