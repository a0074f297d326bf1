#pragma once

#include "runtime/parity.h"

/// Replays of the Axial Transformer (reconstructed cases of the official TensorFlow code) and of the general
/// block of lucidrains/axial-attention.
namespace arzoo::image {

/// A Transformer2d: logits, gradients, sampling, causality; or training steps.
void replay_axial_pixels(const runtime::ParityCase& fixture, runtime::ParityReport& report);
/// Channels in sequence (Transformer3d) or stacked as rows (MultiChannelTransformer2d).
void replay_axial_sliced(const runtime::ParityCase& fixture, runtime::ParityReport& report);
void replay_axial_stacked(const runtime::ParityCase& fixture, runtime::ParityReport& report);
/// AxialAttention, its position tables and its image transformer.
void replay_axial_attention(const runtime::ParityCase& fixture, runtime::ParityReport& report);

}  // namespace arzoo::image
