#pragma once

#include "nn/linear_layer.h"

namespace arzoo::nn {

/// SiLU, then a linear map to `count` vectors, under the official name "1" (it is part of a Sequential): what
/// makes the modulation of an adaptive norm (kernels/modulated_norm.h) out of a condition.
class AdaLnModulation : public torch::nn::Module {
 public:
  AdaLnModulation(int64_t width, int64_t count);
  /// condition: [B, C]; returns [B, 1, count, C] in fp32.
  at::Tensor forward(const at::Tensor& condition) const;

  const LinearLayer& map() const { return *map_; }

 private:
  int64_t count_;
  std::shared_ptr<LinearLayer> map_;
};

}  // namespace arzoo::nn
