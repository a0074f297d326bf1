#include "nn/conv2d.h"

#include <torch/torch.h>

#include <cmath>

namespace arzoo::nn {

Conv2d::Conv2d(const ConvShape& shape) : shape_(shape) {
  weight_ = register_parameter("weight", at::empty({shape.out, shape.in, shape.kernel, shape.kernel}));
  bias_ = register_parameter("bias", at::empty({shape.out}));
}

void Conv2d::pack() { to_be_packed_ = !packed_.defined() && kernels::can_pack(weight_); }

at::Tensor Conv2d::forward(const at::Tensor& x) {
  if (to_be_packed_) {
    packed_ = kernels::packed_conv_weight(weight_, steps(), x.sizes());
    kernels::release(weight_);
    to_be_packed_ = false;
  }
  if (packed_.defined()) return kernels::packed_convolution(x, packed_, bias_, steps());
  return at::conv2d(x, weight_, bias_, shape_.stride, shape_.padding);
}

void Conv2d::initialise() {
  const torch::NoGradGuard no_grad;
  const double bound = 1.0 / std::sqrt(static_cast<double>(shape_.in * shape_.kernel * shape_.kernel));
  weight_.uniform_(-bound, bound);
  bias_.uniform_(-bound, bound);
}

void initialise_convolutions(torch::nn::Module& module) {
  for (const auto& part : module.modules(/*include_self=*/false)) {
    if (auto* convolution = dynamic_cast<Conv2d*>(part.get())) convolution->initialise();
  }
}

}  // namespace arzoo::nn
