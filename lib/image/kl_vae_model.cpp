#include "image/kl_vae_model.h"

#include <torch/torch.h>

#include "runtime/autocast.h"

namespace arzoo::image {
namespace {

/// `latent_channels`: the encoder's are twice the decoder's.
nn::ConvCoderOptions coder_options(const KlVaeOptions& options, int64_t latent_channels) {
  nn::ConvCoderOptions coder;
  coder.latent_channels = latent_channels;
  coder.ch = options.ch;
  coder.ch_mult = options.ch_mult;
  coder.num_res_blocks = options.num_res_blocks;
  coder.fused_attention = false;
  coder.decoder_attention = false;
  return coder;
}

std::shared_ptr<nn::Conv2d> pointwise(int64_t width) {
  return std::make_shared<nn::Conv2d>(
      nn::ConvShape{.in = width, .out = width, .kernel = 1, .stride = 1, .padding = 0});
}

}  // namespace

KlVae::KlVae(const KlVaeOptions& options)
    : options_(options),
      halves_(*this, std::string(KlVaeOptions::kName), coder_options(options, 2 * options.embed_dim),
              coder_options(options, options.embed_dim)) {
  quant_conv_ = register_module("quant_conv", pointwise(2 * options.embed_dim));
  post_quant_conv_ = register_module("post_quant_conv", pointwise(options.embed_dim));
}

at::Tensor KlVae::moments(const at::Tensor& images) {
  const auto encoded = halves_.encode(images);
  const runtime::WithoutAutocast full_precision(images.device().type());
  return quant_conv_->forward(encoded).contiguous();
}

at::Tensor KlVae::decode_unclamped(const at::Tensor& z) {
  return halves_.decode_unclamped(post_quant_conv_->forward(z));
}

at::Tensor KlVae::decode(const at::Tensor& scaled) {
  return halves_.decode(scaled, [&](const at::Tensor& some) {
    return post_quant_conv_->forward(some / options_.latent_scale);
  });
}

at::Tensor KlVae::reconstruct(const at::Tensor& images) {
  const auto mean = nn::DiagonalGaussian::of_moments(moments(images), 1).mean;
  return halves_.decode(mean, [&](const at::Tensor& some) { return post_quant_conv_->forward(some); });
}

}  // namespace arzoo::image
