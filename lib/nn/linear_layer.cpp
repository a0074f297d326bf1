#include "nn/linear_layer.h"

#include <torch/torch.h>

#include "nn/storage_type.h"

namespace arzoo::nn {

LinearLayer::LinearLayer(int64_t in, int64_t out, bool with_bias) {
  weight_ = register_parameter("weight", at::empty({out, in}));
  if (with_bias) bias_ = register_parameter("bias", at::empty({out}));
}

at::Tensor LinearLayer::forward(const at::Tensor& x, kernels::Activation after) const {
  return with_bias(x, bias_, after);
}

at::Tensor LinearLayer::with_bias(const at::Tensor& x, const at::Tensor& bias,
                                  kernels::Activation after) const {
  return kernels::linear(x, packed_.defined() ? packed_ : weight_, bias, after);
}

void set_linear_type(torch::nn::Module& module, at::ScalarType type) {
  for (const auto& part : module.modules(/*include_self=*/false)) {
    if (dynamic_cast<const LinearLayer*>(part.get()) != nullptr) set_storage_type(*part, type);
  }
}

void LinearLayer::pack() {
  if (packed_.defined() || !kernels::can_pack(weight_)) return;
  packed_ = kernels::packed_linear_weight(weight_);
  kernels::release(weight_);
}

}  // namespace arzoo::nn
