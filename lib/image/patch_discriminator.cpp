#include "image/patch_discriminator.h"

#include <torch/torch.h>

#include <algorithm>

namespace arzoo::image {
namespace {

constexpr double kSlope = 0.2, kStddev = 0.02;
constexpr int64_t kWidest = 8;  // in multiples of the first width

torch::nn::Conv2d convolution(int64_t in, int64_t out, int64_t stride, bool bias) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 4).stride(stride).padding(1).bias(bias));
}

}  // namespace

PatchDiscriminator::PatchDiscriminator(const VqLossOptions& options) {
  const torch::NoGradGuard no_grad;
  const auto main = register_module("main", std::make_shared<torch::nn::Module>());
  int64_t place = 0, width = 3;
  const auto add = [&](int64_t out, int64_t stride, bool normed, bool last) {
    Layer layer;
    layer.convolution =
        main->register_module(std::to_string(place++), convolution(width, out, stride, !normed));
    layer.convolution->weight.normal_(0.0, kStddev);
    if (normed) {
      layer.norm = main->register_module(std::to_string(place++), torch::nn::BatchNorm2d(out));
      layer.norm->weight.normal_(1.0, kStddev);
    }
    layer.last = last;
    if (!last) ++place;  // the activation
    layers_.push_back(layer);
    width = out;
  };
  add(options.disc_dim, 2, /*normed=*/false, /*last=*/false);
  for (int64_t n = 1; n <= options.disc_num_layers; ++n)
    add(options.disc_dim * std::min(int64_t{1} << n, kWidest), n < options.disc_num_layers ? 2 : 1,
        /*normed=*/true, /*last=*/false);
  add(1, 1, /*normed=*/false, /*last=*/true);
}

at::Tensor PatchDiscriminator::layer(const Layer& layer, const at::Tensor& x, bool frozen) const {
  const auto own = [frozen](const at::Tensor& weight) {
    return frozen && weight.defined() ? weight.detach() : weight;
  };
  const auto& map = layer.convolution;
  const int64_t stride = map->options.stride()->front();
  auto h = at::conv2d(x, own(map->weight), own(map->bias), {stride, stride}, {1, 1});
  if (const auto& norm = layer.norm; norm) {
    h = at::batch_norm(h, own(norm->weight), own(norm->bias), norm->running_mean, norm->running_var,
                       is_training(), *norm->options.momentum(), norm->options.eps(), /*cudnn_enabled=*/true);
    if (is_training()) norm->num_batches_tracked.add_(1);
  }
  return layer.last ? h : at::leaky_relu(h, kSlope);
}

at::Tensor PatchDiscriminator::forward(const at::Tensor& x, bool frozen) {
  auto h = x;
  for (const auto& one : layers_) h = layer(one, h, frozen);
  return h;
}

}  // namespace arzoo::image
