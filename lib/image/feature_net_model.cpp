#include "image/feature_net_model.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/dropout.h"

namespace arzoo::image {

FeatureNet::FeatureNet(const FeatureNetOptions& options) : options_(options) {
  torch::nn::ModuleList convolutions, norms;
  int64_t in = 3;
  for (const int64_t out : options.channels) {
    for (const int64_t stride : {2, 1}) {
      convolutions_.push_back(
          std::make_shared<nn::Conv2d>(nn::ConvShape{.in = in, .out = out, .stride = stride}));
      norms_.push_back(std::make_shared<nn::GroupNorm>(out));
      convolutions->push_back(convolutions_.back());
      norms->push_back(norms_.back());
      in = out;
    }
  }
  register_module("convolutions", convolutions);
  register_module("norms", norms);
  head_ = register_module("head", std::make_shared<nn::LinearLayer>(in, options.num_classes));
}

at::Tensor FeatureNet::features(const at::Tensor& images) {
  auto x = images;
  for (std::size_t i = 0; i < convolutions_.size(); ++i) x = norms_[i]->silu(convolutions_[i]->forward(x));
  return x.to(at::kFloat).mean({2, 3});
}

at::Tensor FeatureNet::classify(const at::Tensor& features) {
  return head_->forward(kernels::dropout(features, options_.dropout, is_training()));
}

void FeatureNet::initialise() {
  const torch::NoGradGuard no_grad;
  nn::initialise_convolutions(*this);
  const double bound = 1.0 / std::sqrt(static_cast<double>(head_->weight().size(1)));
  head_->weight().uniform_(-bound, bound);
  head_->bias().uniform_(-bound, bound);
}

}  // namespace arzoo::image
