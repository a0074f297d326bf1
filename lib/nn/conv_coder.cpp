#include "nn/conv_coder.h"

#include <torch/torch.h>

namespace arzoo::nn {
namespace {

/// `count` residual blocks from `in` to `out` channels, with attention after each when it attends.
ConvLevel residual_level(int64_t in, int64_t out, int64_t count, bool attends,
                         const ConvCoderOptions& options) {
  ConvLevel level;
  for (int64_t j = 0; j < count; ++j) {
    level.blocks.push_back(std::make_shared<ResBlock>(j == 0 ? in : out, out, options.dropout));
    if (attends) level.attentions.push_back(std::make_shared<AttnBlock>(out, options.fused_attention));
  }
  return level;
}

std::shared_ptr<torch::nn::Module> named(const ConvLevel& level, ConvNames names) {
  auto holder = std::make_shared<torch::nn::Module>();
  torch::nn::ModuleList blocks, attentions;
  for (const auto& block : level.blocks) blocks->push_back(block);
  for (const auto& attention : level.attentions) attentions->push_back(attention);
  holder->register_module(names == ConvNames::taming ? "block" : "res", blocks);
  holder->register_module("attn", attentions);
  if (level.downsample != nullptr) holder->register_module("downsample", level.downsample);
  if (level.upsample != nullptr) holder->register_module("upsample", level.upsample);
  return holder;
}

torch::nn::ModuleList named(const std::vector<ConvLevel>& levels, ConvNames names) {
  torch::nn::ModuleList list;
  for (const auto& level : levels) list->push_back(named(level, names));
  return list;
}

}  // namespace

ConvMiddle::ConvMiddle(int64_t channels, const ConvCoderOptions& options) {
  const bool taming = options.names == ConvNames::taming;
  const auto block = [&](const char* name) {
    return register_module(name, std::make_shared<ResBlock>(channels, channels, options.dropout));
  };
  block_1_ = block(taming ? "block_1" : "0");
  attn_1_ = register_module(taming ? "attn_1" : "1",
                            std::make_shared<AttnBlock>(channels, options.fused_attention));
  block_2_ = block(taming ? "block_2" : "2");
}

at::Tensor ConvMiddle::forward(const at::Tensor& x) {
  return block_2_->forward(attn_1_->forward(block_1_->forward(x)));
}

at::Tensor ConvLevel::forward(at::Tensor x) const {
  for (std::size_t j = 0; j < blocks.size(); ++j) {
    x = blocks[j]->forward(x);
    if (!attentions.empty()) x = attentions[j]->forward(x);
  }
  if (downsample != nullptr) return downsample->forward(x);
  return upsample != nullptr ? upsample->forward(x) : x;
}

ConvEncoder::ConvEncoder(const ConvCoderOptions& options) {
  conv_in_ = register_module("conv_in", convolution3x3(options.in_channels, options.ch));
  int64_t width = options.ch;
  for (std::size_t i = 0; i < options.ch_mult.size(); ++i) {
    const bool last = i + 1 == options.ch_mult.size();
    const int64_t out = options.ch * options.ch_mult[i];
    levels_.push_back(residual_level(width, out, options.num_res_blocks, last, options));
    if (!last) levels_.back().downsample = std::make_shared<Downsample>(out);
    width = out;
  }
  register_module(options.names == ConvNames::taming ? "down" : "conv_blocks", named(levels_, options.names));
  mid_ = register_module("mid", std::make_shared<ConvMiddle>(width, options));
  norm_out_ = register_module("norm_out", std::make_shared<GroupNorm>(width));
  conv_out_ = register_module("conv_out", convolution3x3(width, options.latent_channels));
}

at::Tensor ConvEncoder::forward(const at::Tensor& x) {
  auto h = conv_in_->forward(x);
  for (const auto& level : levels_) h = level.forward(std::move(h));
  return conv_out_->forward(norm_out_->silu(mid_->forward(h)));
}

ConvDecoder::ConvDecoder(const ConvCoderOptions& options) {
  int64_t width = options.ch * options.ch_mult.back();
  conv_in_ = register_module("conv_in", convolution3x3(options.latent_channels, width));
  mid_ = register_module("mid", std::make_shared<ConvMiddle>(width, options));
  levels_.resize(options.ch_mult.size());
  for (std::size_t i = levels_.size(); i-- > 0;) {
    const int64_t out = options.ch * options.ch_mult[i];
    const bool attends = options.decoder_attention && i + 1 == levels_.size();
    levels_[i] = residual_level(width, out, options.num_res_blocks + 1, attends, options);
    if (i > 0) levels_[i].upsample = std::make_shared<Upsample>(out);
    width = out;
  }
  if (options.names == ConvNames::taming) {
    register_module("up", named(levels_, options.names));
  } else {
    register_module("conv_blocks", named({levels_.rbegin(), levels_.rend()}, options.names));
  }
  norm_out_ = register_module("norm_out", std::make_shared<GroupNorm>(width));
  conv_out_ = register_module("conv_out", convolution3x3(width, options.in_channels));
}

at::Tensor ConvDecoder::forward(const at::Tensor& z) {
  auto h = mid_->forward(conv_in_->forward(z));
  for (std::size_t i = levels_.size(); i-- > 0;) h = levels_[i].forward(std::move(h));
  return conv_out_->forward(norm_out_->silu(h));
}

}  // namespace arzoo::nn
