#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace arzoo::kernels {

enum class Activation {
  none,
  relu,
  gelu,       ///< exact: by the error function
  gelu_tanh,  ///< by its tanh approximation (Hendrycks & Gimpel, 2016)
  silu        ///< x sigmoid(x)
};

/// The activation alone.
at::Tensor activate(const at::Tensor& x, Activation by);

/// "relu" or anything else, which means the exact (erf) GELU, as in the official code of the forecasters.
Activation activation(const std::string& name);

/// activation(x W^T + b). In inference on a CPU bias and activation are part of the matrix product (oneDNN),
/// which spares passes over the result; under autograd they are LibTorch's own operations. Within a
/// QuantizedScope (kernels/quantized_weights.h), or with a weight in 8 or 4 bits, the product is that form's.
/// x: [..., in]; weight: [out, in]; bias: [out], may be undefined; returns [..., out].
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                  Activation after = Activation::none);

}  // namespace arzoo::kernels
