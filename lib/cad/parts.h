#pragma once

#include <TopoDS_Shape.hxx>
#include <cstdint>

namespace arzoo::cad {

/// A parametric part without seams: number `index` of a seed. kind: as io::part_kinds(). Throws
/// Standard_Failure where the kernel cannot make it.
TopoDS_Shape make_part(int64_t kind, uint64_t seed, uint64_t index);

}  // namespace arzoo::cad
