#include "distill/llamagen.h"

#include <torch/torch.h>

#include "core/options_among.h"
#include "nn/embedding_table.h"

namespace arzoo::distill {

image::LlamaGenOptions without_dropout(image::LlamaGenOptions options) {
  require(!options.value_memory.any(),
          "value_memory is of token ids, which a student does not read: expected the kind none, got {}",
          options.value_memory.kind);
  options.token_dropout_p = options.attn_dropout_p = options.resid_dropout_p = options.ffn_dropout_p = 0.0;
  options.drop_path_rate = 0.0;
  return options;
}

image::LlamaGenOptions llamagen_options_among(const Config& official) {
  auto options = without_dropout(options_among<image::LlamaGenOptions>(official));
  if (official.has("codebook_dim"))
    official.at("codebook_dim").read(options.vae.codebook_embed_dim, at_least(1));
  return options;
}

Dd1LlamaGen::Dd1LlamaGen(const image::LlamaGenOptions& options) : LlamaGenBlocks(options) {
  const int64_t width = options.dim, channels = options.vae.codebook_embed_dim;
  tok_embeddings_ = register_module("tok_embeddings", std::make_shared<nn::LinearLayer>(channels, width));
  n_d_embed_ = nn::register_table(*this, "n_d_embed", 2, width);
  output_ = register_module(
      "output", std::make_shared<nn::LinearLayer>(width, options.vocab_size, /*with_bias=*/false));
  final_ = register_module("final_layer_conti", std::make_shared<FinalLayer>(width, channels));
}

Dd1LlamaGen::Prediction Dd1LlamaGen::forward(const at::Tensor& labels, const at::Tensor& tokens, int64_t t,
                                             nn::DecoderTrace* trace) const {
  const auto classes = class_tokens(labels);
  auto x = at::cat({classes, tok_embeddings_->forward(tokens)}, 1);
  x = x + kind_rows(n_d_embed_, t + 1, x.size(1));
  const auto h = pass(x, {.trace = trace}).narrow(1, 1, tokens.size(1));
  return {output_->forward(normed(h)), final_->forward(h, classes.squeeze(1))};
}

}  // namespace arzoo::distill
