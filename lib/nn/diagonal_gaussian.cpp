#include "nn/diagonal_gaussian.h"

#include <torch/torch.h>

namespace arzoo::nn {

DiagonalGaussian DiagonalGaussian::of_moments(const at::Tensor& moments, int64_t axis) {
  constexpr double kLeast = -30.0, kGreatest = 20.0;
  const auto parts = moments.chunk(2, axis);
  return {parts[0], parts[1].clamp(kLeast, kGreatest)};
}

at::Tensor DiagonalGaussian::stddev() const { return (0.5 * logvar).exp(); }

at::Tensor DiagonalGaussian::sample(const at::Tensor& noise) const { return mean + stddev() * noise; }

at::Tensor DiagonalGaussian::kl() const { return 0.5 * (mean.square() + logvar.exp() - 1.0 - logvar); }

}  // namespace arzoo::nn
