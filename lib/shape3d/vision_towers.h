#pragma once

#include <ATen/core/Tensor.h>

#include "core/config.h"
#include "runtime/named_tensors.h"

/// The official image condition of MAR-3D: rows of CLIP's and DINOv2's vision transformers, by the names of
/// their published weights (transformers' CLIPVisionModel and Dinov2Model). Inference only.
namespace arzoo::shape3d {

/// CLIP's vision tower (Radford et al., ICML 2021).
struct ClipVisionOptions {
  int64_t hidden_size = 1024;
  int64_t num_hidden_layers = 24;
  int64_t num_attention_heads = 16;
  int64_t patch_size = 14;

  static void fields(auto& o, auto& field) {
    field("hidden_size", o.hidden_size, at_least(1), "width");
    field("num_hidden_layers", o.num_hidden_layers, between(1, 1024), "blocks");
    field("num_attention_heads", o.num_attention_heads, at_least(1), "attention heads");
    field("patch_size", o.patch_size, at_least(1), "side of a patch in pixels");
  }
  void check() const {
    require(hidden_size % num_attention_heads == 0,
            "hidden_size ({}) must be a multiple of num_attention_heads ({})", hidden_size,
            num_attention_heads);
  }
};

struct ClipFeatures {
  at::Tensor embeddings;         ///< [B, 1 + P, D], before the first norm
  at::Tensor last_hidden_state;  ///< [B, 1 + P, D], without the last norm
  at::Tensor pooler_output;      ///< [B, D]: the class token after it
};
/// pixels: [B, 3, S, S] as vision_pixels makes them. Throws CheckpointError for weights that do not fit.
ClipFeatures clip_features(const at::Tensor& pixels, const ClipVisionOptions& options,
                           const runtime::NamedTensors& weights, const std::string& prefix);

/// DINOv2's (Oquab et al., TMLR 2024), whose options have the same names.
struct DinoFeatures {
  at::Tensor embeddings;         ///< [B, 1 + P, D], with the interpolated position table
  at::Tensor last_hidden_state;  ///< [B, 1 + P, D], normalised
};
DinoFeatures dino_features(const at::Tensor& pixels, const ClipVisionOptions& options,
                           const runtime::NamedTensors& weights, const std::string& prefix);

/// Pictures [B, H, W, 3] in [0, 1], the shorter side resized to `size` (bicubic, antialiased), cropped in the
/// centre, in CLIP's normalisation: [B, 3, size, size].
at::Tensor vision_pixels(const at::Tensor& pictures, int64_t size);
/// CLIP's class token and DINOv2's patches, [B, 1 + P, D].
at::Tensor merged_condition(const ClipFeatures& clip, const DinoFeatures& dino);

}  // namespace arzoo::shape3d
