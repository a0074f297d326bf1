#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::shape3d {

/// How coordinates are embedded (Mildenhall et al., NeRF, 2020).
struct FourierOptions {
  int64_t num_freqs = 8;
  bool include_pi = false;
  bool include_input = true;
  bool logspace = true;  ///< frequencies 2^0, 2^1, …; else evenly from 1 to 2^(num_freqs - 1)

  int64_t dim() const { return 3 * (2 * num_freqs + (include_input ? 1 : 0)); }
};

/// cat(x, sin(e), cos(e)) with e = x's coordinates, each times every frequency, coordinate by coordinate.
/// x: [..., 3] fp32; returns [..., dim].
at::Tensor fourier_embedding(const at::Tensor& x, const FourierOptions& options);

}  // namespace arzoo::shape3d
