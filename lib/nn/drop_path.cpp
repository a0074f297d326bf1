#include "nn/drop_path.h"

#include <torch/torch.h>

namespace arzoo::nn {

at::Tensor sample_path_mask(int64_t batch, double p, const at::TensorOptions& options) {
  return path_mask(at::bernoulli(at::full({batch}, 1.0 - p)).to(options), p);
}

at::Tensor path_mask(const at::Tensor& path_mask, double p) {
  return (path_mask / (1.0 - p)).view({-1, 1, 1});
}

}  // namespace arzoo::nn
