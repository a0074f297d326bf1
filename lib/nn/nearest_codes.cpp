#include "nn/nearest_codes.h"

#include <torch/torch.h>

namespace arzoo::nn {

at::Tensor nearest_codes(const at::Tensor& z, const at::Tensor& codebook) {
  // |z|^2 + |e|^2 - 2 <z, e>, summed in the official order: it decides between codes that are as near.
  auto squares = z.square().sum(1, /*keepdim=*/true) + codebook.square().sum(1);
  return squares.addmm_(z, codebook.t(), /*beta=*/1, /*alpha=*/-2).argmin(1);
}

}  // namespace arzoo::nn
