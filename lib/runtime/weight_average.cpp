#include "runtime/weight_average.h"

#include <torch/torch.h>

namespace arzoo::runtime {

WeightAverage::WeightAverage(std::vector<at::Tensor> parameters, double decay)
    : parameters_(std::move(parameters)), decay_(decay) {
  if (decay == 0.0) return;
  for (const auto& parameter : parameters_) values_.push_back(parameter.detach().clone());
}

void WeightAverage::update() {
  if (empty()) return;
  const torch::NoGradGuard no_grad;
  at::_foreach_lerp_(values_, parameters_, 1.0 - decay_);
}

void WeightAverage::exchange() {
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const auto trained = parameters_[i].clone();
    parameters_[i].copy_(values_[i]);
    values_[i].copy_(trained);
  }
}

}  // namespace arzoo::runtime
