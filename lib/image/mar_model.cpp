#include "image/mar_model.h"

#include <torch/torch.h>

#include "core/error.h"
#include "nn/embedding_table.h"

namespace arzoo::image {
namespace {

nn::MaskedGeneratorOptions core_options(const MarOptions& options) {
  nn::MaskedGeneratorOptions core;
  core.tokens = options.side() * options.side();
  core.token_width = options.token_width();
  core.buffer = options.buffer_size;
  core.encoder_width = options.encoder_embed_dim;
  core.encoder_depth = options.encoder_depth;
  core.encoder_heads = options.encoder_num_heads;
  core.decoder_width = options.decoder_embed_dim;
  core.decoder_depth = options.decoder_depth;
  core.decoder_heads = options.decoder_num_heads;
  core.mlp_ratio = options.mlp_ratio;
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

Mar::Mar(const MarOptions& options) : nn::MaskedGenerator(core_options(options)), options_(options) {
  class_emb_ = nn::register_table(*this, "class_emb", options.class_num, options.encoder_embed_dim);
}

at::Tensor Mar::condition(const at::Tensor& labels) const {
  const int64_t batch = labels.size(0);
  if (batch == 0 || labels.min().item<int64_t>() < 0 || labels.max().item<int64_t>() > null_class())
    fail<UsageError>("mar: classes must be a list of numbers in 0..{} ({} is no class)", null_class(),
                     null_class());
  const auto rows = at::embedding(class_emb_, labels.clamp_max(null_class() - 1)).unsqueeze(1);
  const auto with_class = rows.expand({batch, options_.buffer_size, -1});
  const auto none = labels.eq(null_class());
  if (!none.any().item<bool>()) return with_class;
  return at::where(none.view({-1, 1, 1}), no_condition(batch), with_class);
}

void Mar::initialise() {
  initialise_core();
  const torch::NoGradGuard no_grad;
  class_emb_.normal_(0.0, 0.02);
}

}  // namespace arzoo::image
