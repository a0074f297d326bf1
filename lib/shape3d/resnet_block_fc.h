#pragma once

#include "nn/linear_layer.h"

namespace arzoo::shape3d {

/// A residual block of linear maps (Mescheder et al., Occupancy Networks, CVPR 2019): shortcut(x) +
/// fc_1(relu(fc_0(relu(x)))); the shortcut is a map without bias where the widths differ.
class ResnetBlockFc : public torch::nn::Module {
 public:
  ResnetBlockFc(int64_t in, int64_t out);
  /// x: [..., in]; returns [..., out].
  at::Tensor forward(const at::Tensor& x) const;
  /// PyTorch's default, but the last map adds nothing at first.
  void initialise();

 private:
  std::shared_ptr<nn::LinearLayer> fc_0_, fc_1_, shortcut_;
};

}  // namespace arzoo::shape3d
