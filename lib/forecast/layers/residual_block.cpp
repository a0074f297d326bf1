#include "forecast/layers/residual_block.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/dropout.h"

namespace arzoo::forecast {

ResidualBlock::ResidualBlock(const Sizes& sizes, kernels::Activation activation, bool with_bias,
                             double dropout)
    : activation_(activation), dropout_(dropout) {
  const auto layer = [&](const char* name, int64_t in, int64_t out) {
    return register_module(name, std::make_shared<nn::LinearLayer>(in, out, with_bias));
  };
  hidden_layer_ = layer("hidden_layer", sizes.in, sizes.hidden);
  output_layer_ = layer("output_layer", sizes.hidden, sizes.out);
  residual_layer_ = layer("residual_layer", sizes.in, sizes.out);
}

at::Tensor ResidualBlock::forward(const at::Tensor& x) const {
  const auto out = output_layer_->forward(hidden_layer_->forward(x, activation_));
  const bool drops = is_training() && dropout_ > 0.0;
  return (drops ? kernels::dropout(out, dropout_, true) : out) + residual_layer_->forward(x);
}

void ResidualBlock::initialise(double factor) {
  const torch::NoGradGuard no_grad;
  for (const auto& layer : {hidden_layer_, output_layer_, residual_layer_})
    layer->initialise(factor / std::sqrt(static_cast<double>(layer->weight().size(1))));
}

}  // namespace arzoo::forecast
