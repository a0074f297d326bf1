#include "image/mar_model.h"

#include <torch/torch.h>

#include "core/error.h"
#include "nn/embedding_table.h"

namespace arzoo::image {
namespace {

nn::MaskedLayout layout_of(const MarOptions& options) {
  return {.tokens = options.side() * options.side(),
          .token_width = options.token_width(),
          .buffer = options.buffer_size};
}

}  // namespace

Mar::Mar(const MarOptions& options) : nn::MaskedGenerator(options, layout_of(options)), options_(options) {
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
