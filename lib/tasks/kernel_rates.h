#pragma once

#include <filesystem>

namespace arzoo::tasks {

/// GFLOP/s of one linear map of a model, for many rows (512 numbers to 512) and for one (2048 to 2048), whose
/// weight is most of what is read.
struct LinearRates {
  double many = 0.0, one = 0.0;

  /// How many times as fast these are as others: the geometric mean of both sizes.
  double gain_over(const LinearRates& other) const;
};

/// What linear maps reach here in each type: by the kernel that models compute with in inference, and beside
/// it by LibTorch's own.
struct KernelRates {
  LinearRates fp32, bf16, int8;                     ///< kernels::linear: oneDNN's product, our 8-bit one
  double libtorch_fp32 = 0.0, libtorch_int8 = 0.0;  ///< at::linear and at::_int_mm of the many rows
};

/// Measured at the first call on this processor with this LibTorch and number of threads (a fraction of a
/// second), and read from kernel_rates.json in the folder afterwards (core/measured_cache.h).
KernelRates kernel_rates(const std::filesystem::path& cache_folder);

}  // namespace arzoo::tasks
