#include "shape3d/scale_coder.h"

#include <torch/torch.h>

#include <numeric>

namespace arzoo::shape3d {

int64_t tokens_of(const std::vector<int64_t>& scales) {
  return std::accumulate(scales.begin(), scales.end(), int64_t{0});
}

at::Tensor ScaleCoder::teacher_input(const at::Tensor& ids) const {
  const torch::NoGradGuard no_grad;
  std::vector<at::Tensor> inputs;
  auto sum = empty_sum(ids.size(0));
  int64_t begin = 0;
  for (std::size_t k = 0; k + 1 < scales().size(); ++k) {
    sum = with_scale(sum, ids.narrow(1, begin, scales()[k]), k);
    inputs.push_back(next_input(sum, k + 1));
    begin += scales()[k];
  }
  if (inputs.empty()) return at::zeros({ids.size(0), 0, input_width()}, sum.options());
  return at::cat(inputs, 1);
}

at::Tensor ScaleCoder::sum_of(const at::Tensor& ids) const {
  auto sum = empty_sum(ids.size(0));
  int64_t begin = 0;
  for (std::size_t k = 0; k < scales().size(); ++k) {
    sum = with_scale(sum, ids.narrow(1, begin, scales()[k]), k);
    begin += scales()[k];
  }
  return sum;
}

}  // namespace arzoo::shape3d
