#include "image/vqvae_model.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include "core/error.h"
#include "nn/storage_type.h"
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

/// In inference the kernels want channels last.
at::Tensor laid_out(const at::Tensor& x, at::ScalarType type) {
  const auto typed = x.to(type);
  return at::GradMode::is_enabled() ? typed : typed.contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace

Vqvae::Vqvae(const VqvaeOptions& options) : options_(options) {
  encoder_ = register_module("encoder", std::make_shared<nn::ConvEncoder>(coder_options(options)));
  decoder_ = register_module("decoder", std::make_shared<nn::ConvDecoder>(coder_options(options)));
  quantize_ = register_module("quantize", std::make_shared<ResidualQuantizer>(options));
  quant_conv_ = register_module("quant_conv", around_quantizer(options));
  post_quant_conv_ = register_module("post_quant_conv", around_quantizer(options));
}

at::Tensor Vqvae::features(const at::Tensor& images) {
  const int64_t factor = options_.downsampling();
  if (images.dim() != 4 || images.size(1) != 3 || images.size(2) % factor != 0 ||
      images.size(3) % factor != 0) {
    fail<DataError>("vqvae: images of shape [{}], expected [B, 3, H, W] with H and W multiples of {}",
                    fmt::join(images.sizes(), ", "), factor);
  }
  const auto encoded = encoder_->forward(laid_out(images, type_));
  const runtime::WithoutAutocast full_precision(images.device().type());
  return quant_conv_->forward(encoded.to(at::kFloat)).contiguous();
}

std::vector<at::Tensor> Vqvae::tokens(const at::Tensor& images, const Grids& grids) {
  const torch::NoGradGuard no_grad;
  return quantize_->encode(features(images), grids).ids;
}

at::Tensor Vqvae::decode_unclamped(const at::Tensor& f_hat) {
  return decoder_->forward(laid_out(post_quant_conv_->forward(f_hat), type_)).to(at::kFloat).contiguous();
}

at::Tensor Vqvae::decode(const at::Tensor& f_hat) {
  if (at::GradMode::is_enabled()) return decode_unclamped(f_hat).clamp(-1, 1);
  std::vector<at::Tensor> images;
  for (const auto& one : f_hat.split(1)) images.push_back(decode_unclamped(one).clamp_(-1, 1));
  return images.size() == 1 ? images.front() : at::cat(images);
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

void Vqvae::set_type(at::ScalarType type) {
  type_ = type;
  nn::set_storage_type(*encoder_, type);
  nn::set_storage_type(*decoder_, type);
}

}  // namespace arzoo::image
