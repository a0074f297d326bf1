#pragma once

#include <vector>

#include "forecast/models/autoformer.h"
#include "forecast/models/gateformer.h"
#include "forecast/models/gpht.h"
#include "forecast/models/informer.h"
#include "forecast/models/itransformer.h"
#include "forecast/models/mixlinear.h"
#include "forecast/models/patchtst.h"
#include "forecast/models/time_moe.h"
#include "forecast/models/timexer.h"
#include "runtime/precision_loss.h"

namespace arzoo::forecast {

/// The family's models whose loss in lower precisions was measured.
inline const std::vector<runtime::PrecisionLoss>& precision_losses() {
  // Of the MSE of backtests, the largest that was measured: docs/results/precision.md.
  static const std::vector<runtime::PrecisionLoss> losses{
      {.model = AutoformerOptions::kName, .bf16 = 0.0041, .int8 = 0.0134},
      {.model = GateformerOptions::kName, .bf16 = 0.0031, .int8 = 0.0017},
      {.model = GphtOptions::kName, .bf16 = 0.0, .int8 = 0.0082},
      {.model = InformerOptions::kName, .bf16 = 0.0030, .int8 = 0.0198},
      {.model = ITransformerOptions::kName, .bf16 = 0.0002, .int8 = 0.0004, .bf16_training = 0.0003},
      {.model = MixLinearOptions::kName, .bf16 = 0.0100, .int8 = 0.0},
      {.model = PatchTstOptions::kName, .bf16 = 0.0011, .int8 = 0.0},
      {.model = TimeMoeOptions::kName, .bf16 = 0.0006, .int8 = 0.0013},
      {.model = TimeXerOptions::kName, .bf16 = 0.0019, .int8 = 0.0006}};
  return losses;
}

}  // namespace arzoo::forecast
