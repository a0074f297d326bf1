#pragma once

#include "tasks/speed_work.h"

namespace arzoo::tasks {

/// What `bench speed` times of shapes with random weights: MAR-LR's drawing of a shape's tokens (mar3d), or
/// the field of a shape's tokens at all points of a grid (shape_vae). Throws ConfigError for another model.
std::unique_ptr<SpeedWork> make_shape_work(const ResolvedSpeedCell& cell, const runtime::Compute& compute);

}  // namespace arzoo::tasks
