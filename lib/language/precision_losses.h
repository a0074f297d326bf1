#pragma once

#include <vector>

#include "language/decoder_lm.h"
#include "runtime/precision_loss.h"

namespace arzoo::language {

/// The family's models whose loss in lower precisions was measured.
inline const std::vector<runtime::PrecisionLoss>& precision_losses() {
  // Of bits per byte of the bundled text and model: docs/results/precision.md.
  static const std::vector<runtime::PrecisionLoss> losses{
      {.model = DecoderLmOptions::kName, .bf16 = 0.0001, .int8 = std::nullopt}};
  return losses;
}

}  // namespace arzoo::language
