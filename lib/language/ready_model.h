#pragma once

#include <memory>

#include "kernels/quantized_weights.h"
#include "runtime/device.h"

namespace arzoo::language {

/// Brings a model's weights into the order of inference, on a CPU; it serves for nothing else afterwards.
/// Returns what holds those in 8 bits that its layers do not hold so themselves, null in another precision.
std::unique_ptr<kernels::QuantizedWeights> make_ready(torch::nn::Module& model,
                                                      const runtime::Compute& compute);

}  // namespace arzoo::language
