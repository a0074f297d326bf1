#include "nn/linear_layer.h"

#include <torch/torch.h>

namespace arzoo::nn {

LinearLayer::LinearLayer(int64_t in, int64_t out, bool with_bias) {
  weight_ = register_parameter("weight", at::empty({out, in}));
  if (with_bias) bias_ = register_parameter("bias", at::empty({out}));
}

at::Tensor LinearLayer::forward(const at::Tensor& x, Activation after) const {
  return nn::linear(x, weight_, bias_, after);
}

at::Tensor LinearLayer::of_few_rows(const at::Tensor& x) const {
  const auto product = at::mm(weight_, x.t()).t();
  return bias_.defined() ? product + bias_ : product;
}

}  // namespace arzoo::nn
