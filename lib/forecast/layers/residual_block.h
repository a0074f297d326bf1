#pragma once

#include "nn/linear_layer.h"

namespace arzoo::forecast {

/// output_layer(activation(hidden_layer(x))) + residual_layer(x): how patch models embed patches and read
/// forecasts off tokens (TiDE, Das et al., TMLR 2023, Sec. 4.1, as Chronos and TimesFM use it).
class ResidualBlock : public torch::nn::Module {
 public:
  struct Sizes {
    int64_t in, hidden, out;
  };
  ResidualBlock(const Sizes& sizes, kernels::Activation activation, bool with_bias, double dropout = 0.0);

  /// x: [..., in]; returns [..., out].
  at::Tensor forward(const at::Tensor& x) const;
  /// Normal weights of deviation factor / sqrt(fan in), biases 0.
  void initialise(double factor);
  const nn::LinearLayer& output_layer() const { return *output_layer_; }
  at::ScalarType type() const { return output_layer_->type(); }

 private:
  kernels::Activation activation_;
  double dropout_;  ///< on the output layer's result, in training
  std::shared_ptr<nn::LinearLayer> hidden_layer_, output_layer_, residual_layer_;
};

}  // namespace arzoo::forecast
