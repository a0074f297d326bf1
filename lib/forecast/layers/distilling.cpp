#include "forecast/layers/distilling.h"

#include <torch/torch.h>

#include "kernels/circular_convolution.h"
#include "kernels/linear.h"

namespace arzoo::forecast {

DistillingLayer::DistillingLayer(int64_t d_model, int64_t padding) : padding_(padding) {
  down_conv_ = register_module("downConv", torch::nn::Conv1d(torch::nn::Conv1dOptions(d_model, d_model, 3)));
  norm_ = register_module("norm", torch::nn::BatchNorm1d(torch::nn::BatchNorm1dOptions(d_model)));
}

at::Tensor DistillingLayer::normalised_convolution(const at::Tensor& x) {
  if (is_training() || at::GradMode::is_enabled()) {
    const auto convolved = kernels::circular_convolution(x, down_conv_->weight, down_conv_->bias, padding_);
    return norm_(convolved.flatten(0, 1)).view(convolved.sizes());
  }
  // With fixed statistics the norm is part of the convolution's weights.
  const auto scale =
      norm_->weight.to(at::kFloat) * (norm_->running_var.to(at::kFloat) + norm_->options.eps()).rsqrt();
  const auto shift = (down_conv_->bias - norm_->running_mean) * scale + norm_->bias;
  const auto weight = down_conv_->weight * scale.view({-1, 1, 1});
  const auto type = down_conv_->weight.scalar_type();
  return kernels::circular_convolution(x, weight.to(type), shift.to(type), padding_);
}

at::Tensor DistillingLayer::forward(const at::Tensor& x) {
  const auto steps = normalised_convolution(x).transpose(1, 2);
  // ELU rises everywhere, so the largest of three is found first and half of the exponentials are spared.
  return at::elu(at::max_pool1d(steps, {3}, {2}, {1})).transpose(1, 2);
}

}  // namespace arzoo::forecast
