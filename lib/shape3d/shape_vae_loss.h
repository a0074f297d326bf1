#pragma once

#include "runtime/losses.h"
#include "shape3d/shape_vae_model.h"

namespace arzoo::shape3d {

/// The official objective: binary cross-entropy of occupancies and lambda_kl times the divergence. noise:
/// [B, L, C] of the posterior's sample. Parts: "logits", "kl"; statistics: "accuracy", "iou".
runtime::Losses shape_vae_loss(ShapeVae& vae, const ShapeBatch& batch, const at::Tensor& noise);

}  // namespace arzoo::shape3d
