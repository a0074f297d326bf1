#pragma once

#include "runtime/shape_generator.h"
#include "shape3d/field_refinement.h"
#include "shape3d/shape_vae_model.h"

namespace arzoo::shape3d {

/// The cube whose surface is decoded, officially: [-1.05, 1.05]^3.
constexpr double kFieldHalf = 1.05;

/// How a surface is made of tokens.
struct SurfaceOptions {
  int64_t resolution = 128;  ///< cells along an axis
  RefinementOptions refinement = {};
};

/// The field of one shape, of what ShapeVae::read made of its tokens; memory stays that of one chunk.
FieldQuery latent_field(ShapeVae& vae, const KeysValues& latents);
/// The closed surface at level 0 of tokens z, [1, L, C]; empty where nothing is inside. In inference mode.
runtime::DecodedSurface latent_surface(ShapeVae& vae, const at::Tensor& z, const SurfaceOptions& options);

}  // namespace arzoo::shape3d
