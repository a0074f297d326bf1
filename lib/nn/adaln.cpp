#include "nn/adaln.h"

#include <torch/torch.h>

namespace arzoo::nn {

AdaLnModulation::AdaLnModulation(int64_t width, int64_t count) : count_(count) {
  map_ = register_module("1", std::make_shared<LinearLayer>(width, count * width));
}

at::Tensor AdaLnModulation::forward(const at::Tensor& condition) const {
  const auto mapped = map_->forward(at::silu(condition).to(map_->type()));
  return mapped.to(at::kFloat).reshape({condition.size(0), 1, count_, -1});
}

}  // namespace arzoo::nn
