#pragma once

#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include "kernels/linear.h"

namespace arzoo::nn {

/// The weights of a linear map or of a normalisation, which some module owns under its official names: weight
/// [out, in] (of a normalisation [D]), bias [out] or undefined.
struct Affine {
  at::Tensor weight, bias;

  static Affine of(const torch::nn::Linear& map) { return {map->weight, map->bias}; }
  static Affine of(const torch::nn::LayerNorm& norm) { return {norm->weight, norm->bias}; }
};

/// after(x W^T + b). x: [..., in]; returns [..., out].
inline at::Tensor linear(const at::Tensor& x, const Affine& map,
                         kernels::Activation after = kernels::Activation::none) {
  return kernels::linear(x, map.weight, map.bias, after);
}

}  // namespace arzoo::nn
