#include "shape3d/shape_mar.h"

#include <torch/torch.h>

namespace arzoo::shape3d {
namespace {

nn::MaskedGeneratorOptions generator_options(const ShapeMarOptions& options, int64_t token_width,
                                             int64_t buffer) {
  constexpr double kNormEpsilon = 1e-5;  // the 2-D MAR has 1e-6
  nn::MaskedGeneratorOptions core;
  core.tokens = options.latent_size;
  core.token_width = token_width;
  core.buffer = buffer;
  core.fake_rows = buffer;
  core.encoder_width = options.encoder_embed_dim;
  core.encoder_depth = options.encoder_depth;
  core.encoder_heads = options.encoder_num_heads;
  core.decoder_width = options.decoder_embed_dim;
  core.decoder_depth = options.decoder_depth;
  core.decoder_heads = options.decoder_num_heads;
  core.mlp_ratio = options.mlp_ratio;
  core.norm_eps = kNormEpsilon;
  core.attn_dropout = options.attn_dropout;
  core.proj_dropout = options.proj_dropout;
  core.mask_ratio_min = options.mask_ratio_min;
  core.label_drop_prob = options.label_drop_prob;
  core.head_depth = options.diffloss_d;
  core.head_width = options.diffloss_w;
  core.diffusion_batch_mul = options.diffusion_batch_mul;
  return core;
}

}  // namespace

ShapeMar::ShapeMar(const ShapeMarOptions& options, int64_t token_width, int64_t buffer, int64_t low_tokens)
    : nn::MaskedGenerator(generator_options(options, token_width, buffer)) {
  if (low_tokens > 0)
    low_res_emb_ = register_module("low_res_emb",
                                   std::make_shared<nn::LinearLayer>(token_width, options.encoder_embed_dim));
}

at::Tensor ShapeMar::condition(const at::Tensor& rows, const at::Tensor& low_res) const {
  return low_res_emb_ == nullptr ? rows : at::cat({rows, low_res_emb_->forward(low_res)}, 1);
}

at::Tensor augmented(const at::Tensor& tokens, const at::Tensor& noise, const at::Tensor& share) {
  const auto part = share.view({-1, 1, 1});
  return part * noise + (1.0 - part) * tokens;
}

}  // namespace arzoo::shape3d
