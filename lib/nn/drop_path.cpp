#include "nn/drop_path.h"

#include <torch/torch.h>

namespace arzoo::nn {

at::Tensor draw_kept_paths(int64_t batch, double p, const at::TensorOptions& options) {
  return kept_paths(at::bernoulli(at::full({batch}, 1.0 - p)).to(options), p);
}

at::Tensor kept_paths(const at::Tensor& kept, double p) { return (kept / (1.0 - p)).view({-1, 1, 1}); }

}  // namespace arzoo::nn
