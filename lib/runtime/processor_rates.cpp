#include "runtime/processor_rates.h"

#include <torch/torch.h>
#include <torch/version.h>

#include "core/measured_cache.h"
#include "core/processor_name.h"
#include "runtime/gemm_peak.h"

namespace arzoo::runtime {
namespace {

// Large enough for a processor's full rate, small enough for milliseconds where bf16 is emulated.
constexpr int64_t kProductSize = 256;
constexpr double kEnoughSeconds = 0.02;

}  // namespace

std::string measured_processor() {
  return fmt::format("{}, {} threads, LibTorch {}", processor_name(), threads(), TORCH_VERSION);
}

ProcessorRates processor_rates(const std::filesystem::path& cache_folder) {
  const auto rate = [](at::ScalarType type) {
    return gemm_peak({at::kCPU, type}, kProductSize, kEnoughSeconds);
  };
  const auto numbers =
      measured_once({cache_folder, "processor_rates.json"}, measured_processor(), {"fp32", "bf16"}, [&] {
        return MeasuredNumbers{{"fp32", rate(at::kFloat)}, {"bf16", rate(at::kBFloat16)}};
      });
  return {numbers[0].second, numbers[1].second};
}

}  // namespace arzoo::runtime
