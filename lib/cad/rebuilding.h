#pragma once

#include <string>

#include "io/step_plugin.h"

namespace arzoo::cad {

/// Fits surfaces and curves through the points, trims each face by its loops, sews the faces and makes a
/// solid of the shell. Returns why there is none, empty if there is one (valid or not).
std::string build_solid(const io::SolidPlan& plan, io::BuiltSolid& built);

}  // namespace arzoo::cad
