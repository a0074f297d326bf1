#include "nn/linear_start.h"

#include <torch/torch.h>

namespace arzoo::nn {

void initialise_xavier(const LinearLayer& layer) {
  const torch::NoGradGuard no_grad;
  torch::nn::init::xavier_uniform_(layer.weight());
  if (layer.bias().defined()) layer.bias().zero_();
}

void initialise_zeros(const LinearLayer& layer) {
  const torch::NoGradGuard no_grad;
  layer.weight().zero_();
  if (layer.bias().defined()) layer.bias().zero_();
}

}  // namespace arzoo::nn
