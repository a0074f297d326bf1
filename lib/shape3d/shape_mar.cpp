#include "shape3d/shape_mar.h"

#include <torch/torch.h>

namespace arzoo::shape3d {
namespace {

nn::MaskedLayout layout_of(const ShapeMarOptions& options, int64_t token_width, int64_t buffer) {
  return {.tokens = options.latent_size,
          .token_width = token_width,
          .buffer = buffer,
          .fake_rows = buffer,
          .norm_eps = 1e-5};  // the 2-D MAR has 1e-6
}

}  // namespace

ShapeMar::ShapeMar(const ShapeMarOptions& options, int64_t token_width, int64_t buffer, int64_t low_tokens)
    : nn::MaskedGenerator(options, layout_of(options, token_width, buffer)) {
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
