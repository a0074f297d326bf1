#pragma once

#include "io/step_plugin.h"
#include "runtime/shape_generator.h"

namespace arzoo::runtime {

/// A generator whose shapes are solids that a CAD system opens.
class SolidGenerator : public ShapeGenerator {
 public:
  struct Solid {
    io::BuiltSolid built = {};
    std::string error = {};  ///< why there is none; empty if there is one
    int64_t faces = 0, edges = 0;
    bool parsed = false;  ///< the tokens are a solid's
  };
  /// The solid of one shape: an entry of what sample() returned.
  virtual Solid solid(const at::Tensor& sampled) const = 0;
};

/// The generator as one of solids; null where it is none.
inline const SolidGenerator* solid_generator(const ShapeGenerator& generator) {
  return dynamic_cast<const SolidGenerator*>(&generator);
}

}  // namespace arzoo::runtime
