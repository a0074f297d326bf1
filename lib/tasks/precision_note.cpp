#include "tasks/precision_note.h"

#include "core/cuda_driver.h"
#include "runtime/device.h"
#include "runtime/processor_rates.h"

namespace arzoo::tasks {

void note_slow_precision(const plan::ComputeOptions& compute, Progress& progress) {
  if (compute.dtype != "bf16" || !compute.quantize.empty() || wants_cuda(compute.device)) return;
  runtime::set_threads(compute.threads);
  const auto rates = runtime::processor_rates(compute.cache);
  if (!rates.bf16_is_slow()) return;
  progress.note(fmt::format(
      "--dtype bf16: matrix products in bf16 reach {:.1f} GFLOP/s on this processor, in fp32 {:.1f} "
      "(--dtype fp32 may be faster)",
      rates.bf16, rates.fp32));
}

}  // namespace arzoo::tasks
