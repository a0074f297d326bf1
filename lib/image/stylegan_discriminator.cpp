#include "image/stylegan_discriminator.h"

#include <torch/torch.h>

#include <cmath>

namespace arzoo::image {
namespace {

constexpr double kLeak = 0.2;
constexpr int64_t kNarrowest = 4;  // side that the blocks end at

/// Of pictures with this side: 512 up to 32, and half as many for every doubling.
int64_t channels_at(int64_t side) { return side <= 32 ? 512 : 16384 / side; }

torch::nn::Conv2d square_convolution(int64_t in, int64_t out, int64_t side, int64_t stride = 1) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, side).stride(stride).padding(side / 2));
}

/// With the module's own weights, or with constants.
at::Tensor convolved(const at::Tensor& x, const torch::nn::Conv2d& map, bool frozen) {
  const auto& options = map->options;
  const auto own = [frozen](const at::Tensor& weight) { return frozen ? weight.detach() : weight; };
  return at::conv2d(x, own(map->weight), own(map->bias), options.stride(),
                    std::get<torch::ExpandingArray<2>>(options.padding()));
}

at::Tensor mapped(const at::Tensor& x, const torch::nn::Linear& map, bool frozen) {
  return at::linear(x, frozen ? map->weight.detach() : map->weight, frozen ? map->bias.detach() : map->bias);
}

/// Each channel by itself, its border reflected. filter: [3], of rows and of columns.
at::Tensor blurred(const at::Tensor& x, const at::Tensor& filter) {
  const auto square = filter.unsqueeze(0) * filter.unsqueeze(1);
  const auto kernel = (square / square.abs().sum()).expand({x.size(1), 1, 3, 3});
  const std::vector<int64_t> one{1, 1}, none{0, 0};
  return at::conv2d(at::reflection_pad2d(x, {1, 1, 1, 1}), kernel, {}, one, none, one, x.size(1));
}

}  // namespace

StyleGanDiscriminator::StyleGanDiscriminator(int64_t resolution) {
  const auto blocks = register_module("blocks", std::make_shared<torch::nn::Module>());
  int64_t place = 0, width = channels_at(resolution);
  begin_ = blocks->register_module(std::to_string(place++), square_convolution(3, width, 3));
  ++place;  // the activation
  for (int64_t side = resolution; side > kNarrowest; side /= 2) {
    const int64_t out = channels_at(side / 2);
    blocks_.push_back(add_block(*blocks, place++, width, out));
    width = out;
  }
  const int64_t last = channels_at(kNarrowest);
  const auto final_conv = register_module("final_conv", std::make_shared<torch::nn::Module>());
  end_ = final_conv->register_module("0", square_convolution(width, last, 3));
  const auto final_linear = register_module("final_linear", std::make_shared<torch::nn::Module>());
  hidden_ = final_linear->register_module("0", torch::nn::Linear(last * kNarrowest * kNarrowest, last));
  logit_ = final_linear->register_module("2", torch::nn::Linear(last, 1));
}

StyleGanDiscriminator::Block StyleGanDiscriminator::add_block(torch::nn::Module& blocks, int64_t place,
                                                              int64_t in, int64_t out) const {
  const auto owner = blocks.register_module(std::to_string(place), std::make_shared<torch::nn::Module>());
  Block block;
  block.beside = owner->register_module("conv_res", square_convolution(in, out, 1, 2));
  const auto net = owner->register_module("net", std::make_shared<torch::nn::Module>());
  block.first = net->register_module("0", square_convolution(in, out, 3));
  block.second = net->register_module("2", square_convolution(out, out, 3));
  const auto down = owner->register_module("downsample", std::make_shared<torch::nn::Module>());
  const auto blur = down->register_module("0", std::make_shared<torch::nn::Module>());
  block.filter = blur->register_buffer("f", at::tensor({1.0F, 2.0F, 1.0F}));
  block.halving = down->register_module("1", square_convolution(out, out, 3, 2));
  return block;
}

at::Tensor StyleGanDiscriminator::forward(const at::Tensor& x, bool frozen) {
  const auto active = [&](const at::Tensor& h, const torch::nn::Conv2d& map) {
    return at::leaky_relu(convolved(h, map, frozen), kLeak);
  };
  auto h = active(x, begin_);
  for (const auto& block : blocks_) {
    const auto inner = active(active(h, block.first), block.second);
    const auto soft = blurred(inner, block.filter.to(inner.scalar_type()));
    h = (convolved(soft, block.halving, frozen) + convolved(h, block.beside, frozen)) / std::sqrt(2.0);
  }
  h = active(h, end_).flatten(1);
  return mapped(at::leaky_relu(mapped(h, hidden_, frozen), kLeak), logit_, frozen);
}

}  // namespace arzoo::image
