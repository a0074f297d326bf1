#include "shape3d/unet_2d.h"

#include <torch/torch.h>

#include <cmath>

#include "nn/conv_blocks.h"

namespace arzoo::shape3d {

std::shared_ptr<nn::Conv2d> pointwise_convolution(int64_t in, int64_t out) {
  return std::make_shared<nn::Conv2d>(
      nn::ConvShape{.in = in, .out = out, .kernel = 1, .stride = 1, .padding = 0});
}

at::Tensor doubled(const at::Tensor& x) {
  const std::vector<int64_t> size{2 * x.size(2), 2 * x.size(3)};
  return at::upsample_nearest2d(x, at::IntArrayRef(size));
}

TransposedConvolution::TransposedConvolution(int64_t in, int64_t out) {
  weight_ = register_parameter("weight", at::empty({in, out, 2, 2}));
  bias_ = register_parameter("bias", at::empty({out}));
}

at::Tensor TransposedConvolution::forward(const at::Tensor& x) const {
  return at::conv_transpose2d(x, weight_, bias_, /*stride=*/2);
}

void TransposedConvolution::initialise() {
  const torch::NoGradGuard no_grad;
  // PyTorch counts the second axis as what a number is made of.
  const double bound =
      1.0 / std::sqrt(static_cast<double>(weight_.size(1) * weight_.size(2) * weight_.size(3)));
  weight_.uniform_(-bound, bound);
  bias_.uniform_(-bound, bound);
}

UNet2d::UNet2d(int64_t channels, const UNet2dOptions& options) : concat_(options.merge_mode == "concat") {
  torch::nn::ModuleList downs, ups;
  const auto level_of = [](torch::nn::Module& owner, int64_t in, int64_t out) {
    return Level{owner.register_module("conv1", nn::convolution3x3(in, out)),
                 owner.register_module("conv2", nn::convolution3x3(out, out)), nullptr, nullptr};
  };
  int64_t width = channels;
  for (int64_t i = 0; i < options.depth; ++i) {
    auto owner = std::make_shared<torch::nn::Module>();
    const int64_t out = options.start_filts << i;
    down_.push_back(level_of(*owner, width, out));
    downs->push_back(owner);
    width = out;
  }
  for (int64_t i = 0; i + 1 < options.depth; ++i) {
    auto owner = std::make_shared<torch::nn::Module>();
    const int64_t out = width / 2;
    Level level;
    if (options.up_mode == "transpose") {
      level.up = owner->register_module("upconv", std::make_shared<TransposedConvolution>(width, out));
    } else {
      const auto holder = owner->register_module("upconv", std::make_shared<torch::nn::Module>());
      level.pointwise = holder->register_module("1", pointwise_convolution(width, out));
    }
    level.conv1 = owner->register_module("conv1", nn::convolution3x3(concat_ ? 2 * out : out, out));
    level.conv2 = owner->register_module("conv2", nn::convolution3x3(out, out));
    up_.push_back(level);
    ups->push_back(owner);
    width = out;
  }
  register_module("down_convs", downs);
  register_module("up_convs", ups);
  conv_final_ = register_module("conv_final", pointwise_convolution(width, channels));
}

at::Tensor UNet2d::convolved(const Level& level, const at::Tensor& x) {
  return level.conv2->forward(level.conv1->forward(x).relu_()).relu_();
}

at::Tensor UNet2d::forward(const at::Tensor& x) {
  std::vector<at::Tensor> passed;
  auto hidden = x;
  for (std::size_t i = 0; i < down_.size(); ++i) {
    hidden = convolved(down_[i], i == 0 ? hidden : at::max_pool2d(hidden, 2));
    passed.push_back(hidden);
  }
  for (std::size_t i = 0; i < up_.size(); ++i) {
    const auto& level = up_[i];
    const std::vector<int64_t> size{2 * hidden.size(2), 2 * hidden.size(3)};
    const auto larger = level.up != nullptr ? level.up->forward(hidden)
                                            : level.pointwise->forward(at::upsample_bilinear2d(
                                                  hidden, at::IntArrayRef(size), /*align_corners=*/false));
    const auto& across = passed[passed.size() - 2 - i];
    hidden = convolved(level, concat_ ? at::cat({larger, across}, 1) : larger + across);
  }
  return conv_final_->forward(hidden);
}

void UNet2d::initialise() {
  const torch::NoGradGuard no_grad;
  for (const auto& part : modules(/*include_self=*/false)) {
    if (auto* convolution = dynamic_cast<nn::Conv2d*>(part.get())) {
      torch::nn::init::xavier_normal_(convolution->weight());
      at::Tensor(convolution->bias()).zero_();
    } else if (auto* transposed = dynamic_cast<TransposedConvolution*>(part.get())) {
      transposed->initialise();
    }
  }
}

}  // namespace arzoo::shape3d
