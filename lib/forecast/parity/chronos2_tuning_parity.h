#pragma once

#include "forecast/models/chronos2_prediction.h"
#include "runtime/parity.h"

namespace arzoo::forecast {

/// The case's model with these weights, in evaluation mode.
std::shared_ptr<Chronos2> chronos2_of(const runtime::ParityCase& fixture,
                                      const runtime::NamedTensors& weights);

/// A raw series, [T] or [V, T], as a task without covariates.
Chronos2Rows raw_rows(const at::Tensor& series, int64_t horizon);

/// Replays the official fine-tuning, in full or with LoRA, from the recorded random numbers, and the adapter
/// folder that it wrote.
void replay_chronos2_tuning(const runtime::ParityCase& fixture, runtime::ParityReport& report,
                            const std::shared_ptr<Chronos2>& model);

}  // namespace arzoo::forecast
