#pragma once

#include <TopoDS_Shape.hxx>
#include <string>

#include "io/step_plugin.h"

namespace arzoo::cad {

/// All that a STEP file holds as one shape. Returns what went wrong, empty if nothing did.
std::string read_step(const std::string& path, const io::CadLimits& limits, TopoDS_Shape& shape);
/// The text of a STEP file, without the time and the place of its making. Returns what went wrong.
std::string write_step(const TopoDS_Shape& shape, std::string& text);

std::string describe_step(const std::string& path, const io::CadLimits& limits, io::CadSummary& summary);
std::string read_solids(const std::string& path, const io::CadLimits& limits, io::CadSolids& solids);

}  // namespace arzoo::cad
