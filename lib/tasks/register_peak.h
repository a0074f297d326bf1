#pragma once

namespace arzoo::tasks {

/// The processor's own limit, in GFLOP/s of all of LibTorch's threads: multiply-adds on numbers that stay in
/// registers, by the widest instruction of each type. 0 for a type without an instruction of its own.
struct RegisterPeaks {
  double fp32 = 0.0;  ///< FMA
  double bf16 = 0.0;  ///< dot products of pairs (AVX512_BF16)
  double int8 = 0.0;  ///< dot products of quadruples (VNNI), else sums of products of pairs in 16 bits (AVX2)
};

/// Takes some tens of milliseconds.
RegisterPeaks register_peaks();

}  // namespace arzoo::tasks
