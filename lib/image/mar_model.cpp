#include "image/mar_model.h"

#include <torch/torch.h>

#include "image/class_condition.h"
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
  return class_condition(class_emb_, no_condition(labels.size(0)), labels, MarOptions::kName);
}

void Mar::initialise() {
  initialise_core();
  const torch::NoGradGuard no_grad;
  class_emb_.normal_(0.0, 0.02);
}

}  // namespace arzoo::image
