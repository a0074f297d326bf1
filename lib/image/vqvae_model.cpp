#include "image/vqvae_model.h"

#include <torch/torch.h>

#include "runtime/autocast.h"

namespace arzoo::image {
namespace {

nn::ConvCoderOptions coder_options(const VqvaeOptions& options) {
  nn::ConvCoderOptions coder;
  coder.latent_channels = options.z_channels;
  coder.ch = options.ch;
  coder.ch_mult = options.ch_mult;
  coder.num_res_blocks = options.num_res_blocks;
  return coder;
}

std::shared_ptr<nn::Conv2d> around_quantizer(const VqvaeOptions& options) {
  const int64_t width = options.z_channels, kernel = options.quant_conv_ks;
  return std::make_shared<nn::Conv2d>(
      nn::ConvShape{.in = width, .out = width, .kernel = kernel, .stride = 1, .padding = kernel / 2});
}

}  // namespace

Vqvae::Vqvae(const VqvaeOptions& options)
    : options_(options),
      halves_(*this, std::string(VqvaeOptions::kName), coder_options(options), coder_options(options)) {
  quantize_ = register_module("quantize", std::make_shared<ResidualQuantizer>(options));
  quant_conv_ = register_module("quant_conv", around_quantizer(options));
  post_quant_conv_ = register_module("post_quant_conv", around_quantizer(options));
}

at::Tensor Vqvae::features(const at::Tensor& images) {
  const auto encoded = halves_.encode(images);
  const runtime::WithoutAutocast full_precision(images.device().type());
  return quant_conv_->forward(encoded).contiguous();
}

std::vector<at::Tensor> Vqvae::tokens(const at::Tensor& images, const Grids& grids) {
  const torch::NoGradGuard no_grad;
  return quantize_->encode(features(images), grids).ids;
}

at::Tensor Vqvae::decode_unclamped(const at::Tensor& f_hat) {
  return halves_.decode_unclamped(post_quant_conv_->forward(f_hat));
}

at::Tensor Vqvae::decode(const at::Tensor& f_hat) {
  return halves_.decode(f_hat, [&](const at::Tensor& some) { return post_quant_conv_->forward(some); });
}

at::Tensor Vqvae::reconstruct(const at::Tensor& images, const Grids& grids) {
  return decode(quantize_->encode(features(images), grids).f_hat.back());
}

Vqvae::Pass Vqvae::train_pass(const at::Tensor& images) {
  auto quantised = [&] {
    const auto f = features(images);
    const runtime::WithoutAutocast full_precision(images.device().type());
    return quantize_->train_pass(f, grids());
  }();
  return {decode_unclamped(quantised.f_hat), quantised.loss, std::move(quantised.ids)};
}

void Vqvae::initialise() {
  nn::initialise_convolutions(*this);
  quantize_->initialise();
}

}  // namespace arzoo::image
