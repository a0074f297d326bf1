#include "shape3d/fourier_embedding.h"

#include <torch/torch.h>

#include <numbers>

namespace arzoo::shape3d {

at::Tensor fourier_embedding(const at::Tensor& x, const FourierOptions& options) {
  const auto last = static_cast<double>(options.num_freqs - 1);
  auto frequencies = options.logspace ? at::pow(2.0, at::arange(options.num_freqs, x.options()))
                                      : at::linspace(1.0, std::exp2(last), options.num_freqs, x.options());
  if (options.include_pi) frequencies = frequencies * std::numbers::pi;
  const auto angles = (x.unsqueeze(-1) * frequencies).flatten(-2);
  if (options.include_input) return at::cat({x, angles.sin(), angles.cos()}, -1);
  return at::cat({angles.sin(), angles.cos()}, -1);
}

}  // namespace arzoo::shape3d
