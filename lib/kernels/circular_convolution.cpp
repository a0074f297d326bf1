#include "kernels/circular_convolution.h"

#include <torch/torch.h>

#include "kernels/linear.h"

namespace arzoo::kernels {
namespace {

constexpr int64_t kTaps = 3;

/// Steps first .. first + length - 1 of x, counted round the circle. x: [B, L, C].
at::Tensor steps_from(const at::Tensor& x, int64_t first, int64_t length) {
  const int64_t period = x.size(1);
  std::vector<at::Tensor> pieces;
  for (int64_t at = ((first % period) + period) % period, left = length; left > 0; at = 0) {
    const int64_t count = std::min(left, period - at);
    pieces.push_back(x.narrow(1, at, count));
    left -= count;
  }
  return pieces.size() == 1 ? pieces.front() : at::cat(pieces, 1);
}

/// Fewer channels out than in: the products of all taps first, narrow as they are, then their shifted sum.
at::Tensor product_then_shift(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                              int64_t padding) {
  const int64_t length = x.size(1) + 2 * padding - 2;
  const auto taps = kernels::linear(x, weight.permute({2, 0, 1}).flatten(0, 1), {}).chunk(kTaps, -1);
  auto sum = steps_from(taps[0], -padding, length);
  for (int64_t tap = 1; tap < kTaps; ++tap) sum = sum + steps_from(taps[tap], tap - padding, length);
  return bias.defined() ? sum + bias : sum;
}

}  // namespace

at::Tensor circular_neighbours(const at::Tensor& x, int64_t padding) {
  const int64_t length = x.size(1) + 2 * padding - 2;
  return at::cat({steps_from(x, -padding, length), steps_from(x, 1 - padding, length),
                  steps_from(x, 2 - padding, length)},
                 2);
}

at::Tensor neighbour_weight(const at::Tensor& weight) { return weight.transpose(1, 2).flatten(1); }

at::Tensor circular_convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                                int64_t padding) {
  if (weight.size(0) < weight.size(1)) return product_then_shift(x, weight, bias, padding);
  return kernels::linear(circular_neighbours(x, padding), neighbour_weight(weight), bias);
}

}  // namespace arzoo::kernels
