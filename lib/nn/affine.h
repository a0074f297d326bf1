#pragma once

#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <memory>

#include "kernels/linear.h"

namespace arzoo::nn {

/// A linear map that is not one dense matrix: factors of one, or one with a low-rank update. Some module owns
/// it.
class LinearMap {
 public:
  virtual ~LinearMap() = default;
  /// after(x W^T + b). x: [..., in]; returns [..., out].
  virtual at::Tensor map(const at::Tensor& x, kernels::Activation after) const = 0;
};

/// The weights of a linear map or of a normalisation, which some module owns under its official names: weight
/// [out, in] (of a normalisation [D]), bias [out] or undefined.
struct Affine {
  at::Tensor weight, bias;
  std::shared_ptr<const LinearMap> structure = nullptr;  ///< in place of the two

  bool defined() const { return weight.defined() || structure != nullptr; }
  static Affine of(const torch::nn::Linear& map) { return {map->weight, map->bias}; }
  static Affine of(const torch::nn::LayerNorm& norm) { return {norm->weight, norm->bias}; }
};

/// after(x W^T + b). x: [..., in]; returns [..., out].
inline at::Tensor linear(const at::Tensor& x, const Affine& map,
                         kernels::Activation after = kernels::Activation::none) {
  if (map.structure != nullptr) return map.structure->map(x, after);
  return kernels::linear(x, map.weight, map.bias, after);
}

}  // namespace arzoo::nn
