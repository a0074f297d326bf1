#pragma once

#include "image/eagle_head.h"

namespace arzoo::image {

/// What an EAGLE drafter is trained by (official: entrypoints/train_drafter of LANTERN).
struct EagleLossOptions {
  double p_w = 0.1;        ///< weight of the codes' cross-entropy
  double noise_std = 0.2;  ///< width of the noise on the target's states, times 512 / T
};

/// Of a target that is frozen. B pictures, L tokens, T = L + 1 places, D width.
struct EagleLosses {
  at::Tensor total, vloss, ploss;
  at::Tensor hidden, predicted;  ///< [B, T, D]: the target's states before the noise; what the head makes
  at::Tensor accuracy;  ///< share of the trained places where drafter and target have the same likeliest code
};
/// labels: [B] long; ids: [B, L] long; noise: [B, T, D] uniform. The class's place is not trained, as
/// officially.
EagleLosses eagle_losses(const EagleHead& head, const LlamaGen& target, const at::Tensor& labels,
                         const at::Tensor& ids, const at::Tensor& noise, const EagleLossOptions& options);

}  // namespace arzoo::image
