#include "nn/storage_type.h"

#include <torch/torch.h>

namespace arzoo::nn {

void set_storage_type(torch::nn::Module& module, at::ScalarType type) {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : module.parameters()) {
    if (parameter.is_floating_point() && parameter.scalar_type() != type)
      parameter.set_data(at::empty(parameter.sizes(), parameter.options().dtype(type).requires_grad(false)));
  }
}

}  // namespace arzoo::nn
