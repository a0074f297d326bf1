#pragma once

#include <filesystem>

#include "core/config.h"

namespace arzoo::speech {

/// A YAML file as a Config: mappings, sequences and scalars, which are numbers, booleans or null where
/// YAML 1.2 says so, else texts. Throws ConfigError for what is no YAML, for more than 64 levels and for
/// aliases that make more of the file than 200,000 values.
Config load_yaml(const std::filesystem::path& path);

}  // namespace arzoo::speech
