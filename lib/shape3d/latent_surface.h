#pragma once

#include "runtime/shape_generator.h"
#include "shape3d/shape_autoencoder.h"
#include "shape3d/surface_cleaning.h"

namespace arzoo::shape3d {

/// How a surface is made of a code.
struct SurfaceOptions {
  int64_t resolution = 128;  ///< cells along an axis
  RefinementOptions refinement = {};
  SurfaceCleaning cleaning = {};
};

/// The field of one shape, of what ShapeAutoencoder::opened made of its code; memory stays that of one chunk.
FieldQuery latent_field(ShapeAutoencoder& model, const std::vector<at::Tensor>& opened);
/// The closed surface at the model's level of one shape's code, [1, …]; empty where nothing is inside. In
/// inference mode.
runtime::DecodedSurface latent_surface(ShapeAutoencoder& model, const at::Tensor& code,
                                       const SurfaceOptions& options);

}  // namespace arzoo::shape3d
