#include "nn/variance_scaling.h"

#include <torch/torch.h>

#include <cmath>
#include <numbers>

namespace arzoo::nn {

void variance_scaling_(at::Tensor weight, int64_t fan_in, double scale) {
  const torch::NoGradGuard no_grad;
  // The standard deviation of a standard normal distribution truncated at two standard deviations.
  constexpr double kTruncated = 0.87962566103423978;
  const double stddev = std::sqrt(scale / static_cast<double>(fan_in)) / kTruncated;
  // By the inverse of the distribution function, between -2 and 2 standard deviations.
  const double within = std::erf(2.0 / std::numbers::sqrt2);
  weight.copy_(at::empty_like(weight).uniform_(-within, within).erfinv() * (std::numbers::sqrt2 * stddev));
}

}  // namespace arzoo::nn
