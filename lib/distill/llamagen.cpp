#include "distill/llamagen.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/rms_norm.h"
#include "nn/embedding_table.h"
#include "nn/token_sampler.h"

namespace arzoo::distill {
namespace {

constexpr double kRotaryTheta = 10000.0;

/// Places of a square picture, a class token before them: the first half of a head's pairs turns by the row,
/// the second by the column.
kernels::RopeAngles picture_angles(int64_t tokens, int64_t head_width) {
  const auto side = static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(tokens))));
  const int64_t quarter = head_width / 4;
  const auto exponents = at::arange(0, 2 * quarter, 2, at::kFloat) / static_cast<double>(head_width / 2);
  const auto frequencies = 1.0 / at::pow(at::full({}, kRotaryTheta, at::kFloat), exponents);
  const auto turns = at::arange(side, at::kFloat).unsqueeze(1) * frequencies;  // [side, E/4]
  const auto by_row = turns.unsqueeze(1).expand({side, side, quarter}),
             by_column = turns.unsqueeze(0).expand({side, side, quarter});
  const auto angles = at::cat({by_row, by_column}, -1).reshape({1, 1, side * side, 2 * quarter});
  const auto none = at::zeros({1, 1, 1, 2 * quarter});
  return {at::cat({none, angles.cos()}, 2), at::cat({none, angles.sin()}, 2), /*interleaved=*/true};
}

nn::DecoderOptions decoder_options(const LlamaGenOptions& options) {
  nn::DecoderOptions decoder;
  decoder.n_embd = options.dim;
  decoder.n_layer = options.n_layer;
  decoder.n_head = options.n_head;
  decoder.n_inner = options.hidden_width();
  decoder.feed_forward = "gated";
  decoder.norm = "rms_norm";
  decoder.positions = "rotary";
  decoder.layer_norm_epsilon = options.norm_eps;
  decoder.bias = false;
  return decoder;
}

at::Tensor weight_of(torch::nn::Module& owner, const std::string& name, at::IntArrayRef sizes) {
  const auto layer = owner.register_module(name, std::make_shared<torch::nn::Module>());
  return layer->register_parameter("weight", at::empty(sizes));
}

}  // namespace

LlamaGenBlocks::LlamaGenBlocks(const LlamaGenOptions& options)
    : options_(options), decoder_(decoder_options(options)) {
  const auto embedding = register_module("cls_embedding", std::make_shared<torch::nn::Module>());
  classes_ = nn::register_table(*embedding, "embedding_table", options.num_classes + 1, options.dim);
  const auto layers = register_module("layers", std::make_shared<torch::nn::Module>());
  for (int64_t i = 0; i < options.n_layer; ++i)
    weights_.blocks.push_back(
        block(*layers->register_module(std::to_string(i), std::make_shared<torch::nn::Module>())));
  norm_ = weight_of(*this, "norm", {options.dim});
  weights_.rotary = picture_angles(options.block_size, options.dim / options.n_head);
}

nn::BlockWeights LlamaGenBlocks::block(torch::nn::Module& owner) const {
  const int64_t width = options_.dim, hidden = options_.hidden_width();
  nn::BlockWeights block;
  block.norm_1.weight = weight_of(owner, "attention_norm", {width});
  block.norm_2.weight = weight_of(owner, "ffn_norm", {width});
  const auto attention = owner.register_module("attention", std::make_shared<torch::nn::Module>());
  block.qkv.weight = weight_of(*attention, "wqkv", {3 * width, width});
  block.projection.weight = weight_of(*attention, "wo", {width, width});
  const auto feed_forward = owner.register_module("feed_forward", std::make_shared<torch::nn::Module>());
  block.gate.weight = weight_of(*feed_forward, "w1", {hidden, width});
  block.up.weight = weight_of(*feed_forward, "w3", {hidden, width});
  block.down.weight = weight_of(*feed_forward, "w2", {width, hidden});
  return block;
}

at::Tensor LlamaGenBlocks::class_tokens(const at::Tensor& labels) const {
  return at::embedding(classes_, labels).unsqueeze(1);
}

at::Tensor LlamaGenBlocks::pass(const at::Tensor& x, nn::DecoderCache* cache, nn::DecoderTrace* trace) const {
  return decoder_.forward(x, weights_, {.cache = cache, .trace = trace});
}

at::Tensor LlamaGenBlocks::normed(const at::Tensor& x) const {
  return kernels::rms_norm(x, norm_, options_.norm_eps);
}

LlamaGen::LlamaGen(const LlamaGenOptions& options) : LlamaGenBlocks(options) {
  embedding_ = nn::register_table(*this, "tok_embeddings", options.vocab_size, options.dim);
  output_ = register_module(
      "output", std::make_shared<nn::LinearLayer>(options.dim, options.vocab_size, /*with_bias=*/false));
}

at::Tensor LlamaGen::logits(const at::Tensor& x, double cfg, nn::DecoderCache* cache) const {
  const auto both = output_->forward(normed(pass(x, cache))).chunk(2, 0);
  return nn::guided(both[0], both[1], cfg);
}

at::Tensor LlamaGen::guided_logits(const at::Tensor& labels, const at::Tensor& ids, double cfg) const {
  const auto all = at::cat({labels, at::full_like(labels, options().num_classes)});
  const auto before = at::embedding(embedding_, ids.narrow(1, 0, ids.size(1) - 1)).repeat({2, 1, 1});
  return logits(at::cat({class_tokens(all), before}, 1), cfg, nullptr);
}

at::Tensor LlamaGen::next_logits(const at::Tensor& labels, const at::Tensor& ids, double cfg,
                                 nn::DecoderCache& cache) const {
  const auto x = ids.defined()
                     ? at::embedding(embedding_, ids).repeat({2, 1, 1})
                     : class_tokens(at::cat({labels, at::full_like(labels, options().num_classes)}));
  return logits(x, cfg, &cache).squeeze(1);
}

Dd1LlamaGen::Dd1LlamaGen(const LlamaGenOptions& options) : LlamaGenBlocks(options) {
  const int64_t width = options.dim;
  tok_embeddings_ =
      register_module("tok_embeddings", std::make_shared<nn::LinearLayer>(options.codebook_dim, width));
  n_d_embed_ = nn::register_table(*this, "n_d_embed", 2, width);
  output_ = register_module(
      "output", std::make_shared<nn::LinearLayer>(width, options.vocab_size, /*with_bias=*/false));
  final_ = register_module("final_layer_conti", std::make_shared<FinalLayer>(width, options.codebook_dim));
}

Dd1LlamaGen::Prediction Dd1LlamaGen::forward(const at::Tensor& labels, const at::Tensor& tokens, int64_t t,
                                             nn::DecoderTrace* trace) const {
  const auto classes = class_tokens(labels);
  auto x = at::cat({classes, tok_embeddings_->forward(tokens)}, 1);
  x = x + kind_rows(n_d_embed_, t + 1, x.size(1));
  const auto h = pass(x, nullptr, trace).narrow(1, 1, tokens.size(1));
  return {output_->forward(normed(h)), final_->forward(h, classes.squeeze(1))};
}

}  // namespace arzoo::distill
