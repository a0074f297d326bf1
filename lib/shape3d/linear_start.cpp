#include "shape3d/linear_start.h"

#include <torch/torch.h>

#include <cmath>

namespace arzoo::shape3d {

std::shared_ptr<nn::LinearLayer> register_linear(torch::nn::Module& owner, const char* name, int64_t in,
                                                 int64_t out) {
  return owner.register_module(name, std::make_shared<nn::LinearLayer>(in, out));
}

void initialise_default(const nn::LinearLayer& layer) {
  const torch::NoGradGuard no_grad;
  const double bound = 1.0 / std::sqrt(static_cast<double>(layer.weight().size(1)));
  at::Tensor(layer.weight()).uniform_(-bound, bound);
  if (layer.bias().defined()) at::Tensor(layer.bias()).uniform_(-bound, bound);
}

}  // namespace arzoo::shape3d
