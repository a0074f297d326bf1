#include "image/llamagen_vq_model.h"

#include <torch/torch.h>

#include "runtime/autocast.h"
#include "runtime/module_part.h"

namespace arzoo::image {
namespace {

nn::ConvCoderOptions coder_options(const LlamaGenVqOptions& options, const std::vector<int64_t>& ch_mult) {
  nn::ConvCoderOptions coder;
  coder.latent_channels = options.z_channels;
  coder.ch = options.ch;
  coder.ch_mult = ch_mult;
  coder.num_res_blocks = options.num_res_blocks;
  coder.fused_attention = false;
  coder.dropout = options.dropout_p;
  coder.names = nn::ConvNames::llamagen;
  return coder;
}

std::shared_ptr<nn::Conv2d> pointwise(int64_t in, int64_t out) {
  return std::make_shared<nn::Conv2d>(
      nn::ConvShape{.in = in, .out = out, .kernel = 1, .stride = 1, .padding = 0});
}

}  // namespace

LlamaGenVq::LlamaGenVq(const LlamaGenVqOptions& options)
    : options_(options),
      halves_(*this, std::string(LlamaGenVqOptions::kName), coder_options(options, options.encoder_ch_mult),
              coder_options(options, options.decoder_ch_mult)) {
  quantize_ = register_module("quantize", std::make_shared<VectorQuantizer>(options));
  quant_conv_ = register_module("quant_conv", pointwise(options.z_channels, options.codebook_embed_dim));
  post_quant_conv_ =
      register_module("post_quant_conv", pointwise(options.codebook_embed_dim, options.z_channels));
}

at::Tensor LlamaGenVq::features(const at::Tensor& images) {
  const auto encoded = halves_.encode(images);
  const runtime::WithoutAutocast full_precision(images.device().type());
  return quant_conv_->forward(encoded).contiguous();
}

at::Tensor LlamaGenVq::tokens(const at::Tensor& images) {
  const torch::NoGradGuard no_grad;
  return quantize_->encode(features(images));
}

at::Tensor LlamaGenVq::decode_unclamped(const at::Tensor& quantised) {
  return halves_.decode_unclamped(post_quant_conv_->forward(quantised));
}

at::Tensor LlamaGenVq::decode(const at::Tensor& quantised) {
  return halves_.decode(quantised, [&](const at::Tensor& some) { return post_quant_conv_->forward(some); });
}

at::Tensor LlamaGenVq::reconstruct(const at::Tensor& images) {
  return decode(quantize_->lookup(tokens(images)));
}

LlamaGenVq::Pass LlamaGenVq::train_pass(const at::Tensor& images) {
  auto code = [&] {
    const auto z = features(images);
    const runtime::WithoutAutocast full_precision(images.device().type());
    return quantize_->train_pass(z);
  }();
  return {decode_unclamped(code.quantised), std::move(code)};
}

void LlamaGenVq::initialise() {
  nn::initialise_convolutions(*this);
  quantize_->initialise();
}

at::Tensor LlamaGenVq::last_weights() const {
  return runtime::part<nn::Conv2d>(*this, "decoder.conv_out")->weight();
}

}  // namespace arzoo::image
