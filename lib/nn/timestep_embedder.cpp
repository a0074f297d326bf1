#include "nn/timestep_embedder.h"

#include <torch/torch.h>

#include <cmath>

namespace arzoo::nn {

at::Tensor time_sinusoids(const at::Tensor& t, int64_t width) {
  constexpr double kLongestPeriod = 10000.0;
  const int64_t half = width / 2;
  const auto options = t.options().dtype(at::kFloat);
  const auto frequencies =
      at::exp(at::arange(half, options) * -std::log(kLongestPeriod) / static_cast<double>(half));
  const auto angles = t.to(at::kFloat).unsqueeze(1) * frequencies.unsqueeze(0);
  return at::cat({angles.cos(), angles.sin()}, 1);
}

TimestepEmbedder::TimestepEmbedder(int64_t width) {
  auto holder = std::make_shared<torch::nn::Module>();
  first_ = holder->register_module("0", std::make_shared<LinearLayer>(kSinusoids, width));
  second_ = holder->register_module("2", std::make_shared<LinearLayer>(width, width));
  register_module("mlp", holder);
}

at::Tensor TimestepEmbedder::forward(const at::Tensor& t) const {
  const auto hidden =
      first_->forward(time_sinusoids(t, kSinusoids).to(first_->type()), kernels::Activation::silu);
  return second_->forward(hidden);
}

}  // namespace arzoo::nn
