#pragma once

#include <filesystem>
#include <string>

namespace arzoo::runtime {

/// How fast this processor multiplies matrices, in GFLOP/s of each precision.
struct ProcessorRates {
  double fp32 = 0.0, bf16 = 0.0;

  /// By more than a measurement scatters: such a processor has no instructions for bf16 products, or slow
  /// ones.
  bool bf16_is_slow() const { return bf16 < 0.9 * fp32; }
};

/// This processor, its number of threads and LibTorch's version: what rates depend on.
std::string measured_processor();

/// The rates of this processor with this LibTorch, measured at the first call ever (a tenth of a second) and
/// read from processor_rates.json in `cache_folder` afterwards. The folder is made; where it cannot be
/// written, or is empty, each call measures. A file that cannot be read is replaced.
ProcessorRates processor_rates(const std::filesystem::path& cache_folder);

}  // namespace arzoo::runtime
