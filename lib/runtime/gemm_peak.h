#pragma once

#include "runtime/device.h"

namespace arzoo::runtime {

/// GFLOP/s of this machine's matrix product: the best of several products of two size x size matrices, in the
/// device and dtype of `compute` and with the threads in force. Ends after `enough_seconds` with the product
/// in hand.
double gemm_peak(const Compute& compute, int64_t size = 2048, double enough_seconds = 1.0);

/// Waits for the work that was handed to the device, so that a clock read afterwards has it in it; on a CPU
/// there is none.
void finish_device_work(const Compute& compute);

}  // namespace arzoo::runtime
