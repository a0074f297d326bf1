#pragma once

#include <string>

#include "registry/catalog.h"

/// What `arzoo models` says: documents for --json, and the same as text.
namespace arzoo::cli {

/// {"name", "family", "paper", "parameters"?, "commands"}; `counts` are parameters by model name, as far as
/// known.
Json model_json(const registry::ModelChoice& choice, const Json& counts);
/// The options of a model's config: [{"key", "type", "default", "minimum"?, "maximum"?, "choices"?, "help"},
/// …].
Json options_json(const registry::ModelChoice& choice);

/// {"models": [model_json, …]} as a table.
std::string model_list_text(const Json& document);
/// model_json with "options", as a head and a table of one line per option.
std::string model_text(const Json& document);

}  // namespace arzoo::cli
