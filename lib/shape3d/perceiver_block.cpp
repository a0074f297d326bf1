#include "shape3d/perceiver_block.h"

#include <torch/torch.h>

#include "kernels/attention.h"
#include "runtime/recompute.h"

namespace arzoo::shape3d {
namespace {

constexpr int64_t kMlpRatio = 4;

std::shared_ptr<nn::LinearLayer> linear_in(torch::nn::Module& owner, const char* name, int64_t in,
                                           int64_t out, bool bias = true) {
  return owner.register_module(name, std::make_shared<nn::LinearLayer>(in, out, bias));
}

nn::BlockOptions block_options(const PerceiverOptions& options) {
  return {.heads = options.heads, .fused = nn::FusedHeads::by_head};
}

}  // namespace

torch::nn::LayerNorm perceiver_norm(int64_t width) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width}));
}

at::Tensor normed(const at::Tensor& x, const torch::nn::LayerNorm& norm) {
  return at::layer_norm(x, {x.size(-1)}, norm->weight, norm->bias, norm->options.eps());
}

PerceiverBlock::PerceiverBlock(const PerceiverOptions& options)
    : block_(block_options(options)),
      ln_1_(perceiver_norm(options.width)),
      ln_2_(perceiver_norm(options.width)) {
  const int64_t width = options.width;
  const auto attn = register_module("attn", std::make_shared<torch::nn::Module>());
  c_qkv_ = linear_in(*attn, "c_qkv", width, 3 * width, options.qkv_bias);
  c_proj_ = linear_in(*attn, "c_proj", width, width);
  register_module("ln_1", ln_1_);
  const auto mlp = register_module("mlp", std::make_shared<torch::nn::Module>());
  c_fc_ = linear_in(*mlp, "c_fc", width, kMlpRatio * width);
  c_down_ = linear_in(*mlp, "c_proj", kMlpRatio * width, width);
  register_module("ln_2", ln_2_);
}

at::Tensor PerceiverBlock::forward(const at::Tensor& x) const {
  nn::BlockWeights weights;
  weights.norm_1 = nn::Affine::of(ln_1_);
  weights.norm_2 = nn::Affine::of(ln_2_);
  weights.qkv = c_qkv_->map();
  weights.projection = c_proj_->map();
  weights.up = c_fc_->map();
  weights.down = c_down_->map();
  return block_.forward(x, weights);
}

PerceiverTransformer::PerceiverTransformer(const PerceiverOptions& options, int64_t layers) {
  for (int64_t i = 0; i < layers; ++i) resblocks_->push_back(std::make_shared<PerceiverBlock>(options));
  register_module("resblocks", resblocks_);
}

at::Tensor PerceiverTransformer::forward(at::Tensor x, runtime::Trace* trace, const char* name) {
  for (std::size_t i = 0; i < resblocks_->size(); ++i) {
    auto& block = resblocks_->at<PerceiverBlock>(i);
    x = runtime::recomputed(x, [&block](const at::Tensor& tokens) { return block.forward(tokens); });
    if (trace != nullptr && i == 0) trace->emplace_back(name, x);
  }
  return x;
}

PerceiverCrossBlock::PerceiverCrossBlock(const PerceiverOptions& options)
    : block_(block_options(options)),
      heads_(options.heads),
      ln_1_(perceiver_norm(options.width)),
      ln_2_(perceiver_norm(options.width)),
      ln_3_(perceiver_norm(options.width)) {
  const int64_t width = options.width;
  const auto attn = register_module("attn", std::make_shared<torch::nn::Module>());
  c_q_ = linear_in(*attn, "c_q", width, width, options.qkv_bias);
  c_kv_ = linear_in(*attn, "c_kv", width, 2 * width, options.qkv_bias);
  c_proj_ = linear_in(*attn, "c_proj", width, width);
  register_module("ln_1", ln_1_);
  register_module("ln_2", ln_2_);
  const auto mlp = register_module("mlp", std::make_shared<torch::nn::Module>());
  c_fc_ = linear_in(*mlp, "c_fc", width, kMlpRatio * width);
  c_down_ = linear_in(*mlp, "c_proj", kMlpRatio * width, width);
  register_module("ln_3", ln_3_);
}

KeysValues PerceiverCrossBlock::read(const at::Tensor& data) {
  const auto parts = nn::split_heads(c_kv_->forward(ln_2_(data)), heads_, 2, nn::FusedHeads::by_head);
  return {parts[0], parts[1]};
}

at::Tensor PerceiverCrossBlock::forward(const at::Tensor& x, const KeysValues& data, runtime::Trace* trace,
                                        const char* name) {
  const auto queries = nn::split_heads(c_q_->forward(ln_1_(x)), heads_);
  const auto read = c_proj_->forward(nn::merge_heads(kernels::attention(queries, data.keys, data.values)));
  if (trace != nullptr) trace->emplace_back(name, read);
  const auto mixed = x + read;
  nn::BlockWeights weights;
  weights.up = c_fc_->map();
  weights.down = c_down_->map();
  return mixed + block_.feed_forward(ln_3_(mixed), weights);
}

void initialise_blocks(torch::nn::Module& module, double stddev) {
  const torch::NoGradGuard no_grad;
  for (const auto& part : module.modules()) {
    if (auto* layer = dynamic_cast<nn::LinearLayer*>(part.get())) {
      at::Tensor(layer->weight()).normal_(0.0, stddev);
      if (layer->bias().defined()) at::Tensor(layer->bias()).zero_();
    }
  }
}

}  // namespace arzoo::shape3d
