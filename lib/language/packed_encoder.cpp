#include "language/packed_encoder.h"

#include <torch/torch.h>

#include "kernels/dropout.h"

namespace arzoo::language {
namespace {

nn::BlockOptions post_norm_block(const EncoderBlockOptions& options) {
  return {.heads = options.heads,
          .feed_forward = options.activation == "gelu_new" ? "gelu_tanh" : options.activation,
          .residual = "post_norm",
          .norm_eps = options.norm_eps};
}

}  // namespace

PackedEncoder::PackedEncoder(const EncoderBlockOptions& options)
    : options_(options), block_(post_norm_block(options)) {}

at::Tensor PackedEncoder::block(const at::Tensor& x, const nn::BlockWeights& weights,
                                const nn::PackedSequences& sequences, bool training) const {
  nn::BlockPass pass;
  const kernels::AttentionMode mode{.dropout = options_.attention_dropout, .training = training};
  pass.mix = [&](const nn::QkvHeads& heads, const at::Tensor&) {
    return nn::packed_attention(heads, sequences, mode);
  };
  const auto rows = x.unsqueeze(0);
  if (!training) return block_.forward(rows, weights, pass).squeeze(0);
  // The block's own dropout would reach into the feed-forward layer, where BERT has none.
  const auto sum = [&](const at::Tensor& tokens, const at::Tensor& branch, const nn::Affine& norm) {
    return block_.norm(kernels::residual_dropout(tokens, branch, options_.dropout, true), norm);
  };
  const auto middle = sum(rows, block_.attention(rows, weights, pass), weights.norm_1);
  return sum(middle, block_.feed_forward(middle, weights, pass), weights.norm_2).squeeze(0);
}

at::Tensor PackedEncoder::context(const at::Tensor& x, const nn::BlockWeights& weights,
                                  const nn::PackedSequences& sequences) const {
  at::Tensor context;
  nn::BlockPass pass;
  pass.mix = [&](const nn::QkvHeads& heads, const at::Tensor&) {
    const auto mixed = nn::packed_attention(heads, sequences);
    context = nn::merge_heads(mixed);
    return mixed;
  };
  block_.attention(x.unsqueeze(0), weights, pass);
  return context.squeeze(0);
}

}  // namespace arzoo::language
