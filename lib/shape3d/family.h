#pragma once

#include "runtime/model_entry.h"

namespace arzoo::shape3d {

/// Models of 3D shapes: the models of shape3d/models.h, and the cases of marching cubes and metrics.
const runtime::Family& family();

/// The model that a released file without a config.json of ours is of; nothing for another file. Throws
/// CheckpointError for one that cannot be read.
std::optional<std::string_view> released_model(const std::filesystem::path& path);

}  // namespace arzoo::shape3d
