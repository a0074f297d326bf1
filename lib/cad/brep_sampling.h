#pragma once

#include <TopoDS_Shape.hxx>
#include <string>

#include "io/step_plugin.h"

namespace arzoo::cad {

/// The shape with closed faces and closed edges split in two, so that no seam remains.
TopoDS_Shape without_seams(const TopoDS_Shape& shape);

/// The samples of one solid without seams. Returns why it cannot be used, empty if it can.
std::string sample_solid(const TopoDS_Shape& solid, const io::CadLimits& limits, io::BrepGraph& graph);

/// "plane", "cylinder", …: the type of a face's surface.
std::string surface_name(const TopoDS_Shape& face);

}  // namespace arzoo::cad
