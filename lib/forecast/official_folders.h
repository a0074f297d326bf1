#pragma once

#include <filesystem>
#include <optional>

#include "core/config.h"

/// What published folders of forecasters look like, where they do not say it plainly.
namespace arzoo::forecast {

/// Throws ConfigError saying what a foreign config.json describes that no forecaster here is: an older or
/// another model of the same house, or a language model.
[[noreturn]] void refuse_official_config(const Config& official, const std::string& name);

/// The config of a folder that says nothing of its model but by its tensors (TimesFM 2.5), in the form that
/// read_official_config takes; nothing where the tensors are of no such model. Throws CheckpointError for
/// tensors of shapes that do not fit together.
std::optional<Config> config_of_tensors(const std::filesystem::path& folder);

}  // namespace arzoo::forecast
