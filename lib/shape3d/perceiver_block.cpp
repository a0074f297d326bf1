#include "shape3d/perceiver_block.h"

#include <torch/torch.h>

#include "kernels/attention.h"

namespace arzoo::shape3d {
namespace {

std::shared_ptr<nn::LinearLayer> linear(int64_t in, int64_t out, bool bias = true) {
  return std::make_shared<nn::LinearLayer>(in, out, bias);
}

/// x: [B, N, H * parts * E]; returns `parts` tensors [B, H, N, E].
std::vector<at::Tensor> by_head(const at::Tensor& x, int64_t heads, int64_t parts) {
  const auto split = x.view({x.size(0), x.size(1), heads, parts, x.size(2) / (heads * parts)});
  return split.permute({3, 0, 2, 1, 4}).unbind(0);
}

/// [B, H, N, E] to [B, N, H * E].
at::Tensor joined(const at::Tensor& mixed) { return mixed.transpose(1, 2).flatten(2); }

}  // namespace

torch::nn::LayerNorm perceiver_norm(int64_t width) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width}));
}

PerceiverMlp::PerceiverMlp(int64_t width) {
  constexpr int64_t kHidden = 4;
  c_fc_ = register_module("c_fc", linear(width, kHidden * width));
  c_proj_ = register_module("c_proj", linear(kHidden * width, width));
}

at::Tensor PerceiverMlp::forward(const at::Tensor& x) const {
  return c_proj_->forward(c_fc_->forward(x, kernels::Activation::gelu));
}

PerceiverSelfAttention::PerceiverSelfAttention(const PerceiverOptions& options) : heads_(options.heads) {
  c_qkv_ = register_module("c_qkv", linear(options.width, 3 * options.width, options.qkv_bias));
  c_proj_ = register_module("c_proj", linear(options.width, options.width));
}

at::Tensor PerceiverSelfAttention::forward(const at::Tensor& x) const {
  const auto qkv = by_head(c_qkv_->forward(x), heads_, 3);
  return c_proj_->forward(joined(kernels::attention(qkv[0], qkv[1], qkv[2])));
}

PerceiverCrossAttention::PerceiverCrossAttention(const PerceiverOptions& options) : heads_(options.heads) {
  c_q_ = register_module("c_q", linear(options.width, options.width, options.qkv_bias));
  c_kv_ = register_module("c_kv", linear(options.width, 2 * options.width, options.qkv_bias));
  c_proj_ = register_module("c_proj", linear(options.width, options.width));
}

KeysValues PerceiverCrossAttention::keys_values(const at::Tensor& data) const {
  const auto parts = by_head(c_kv_->forward(data), heads_, 2);
  return {parts[0], parts[1]};
}

at::Tensor PerceiverCrossAttention::forward(const at::Tensor& x, const KeysValues& data) const {
  const auto queries = by_head(c_q_->forward(x), heads_, 1);
  return c_proj_->forward(joined(kernels::attention(queries[0], data.keys, data.values)));
}

PerceiverBlock::PerceiverBlock(const PerceiverOptions& options)
    : ln_1_(perceiver_norm(options.width)), ln_2_(perceiver_norm(options.width)) {
  attn_ = register_module("attn", std::make_shared<PerceiverSelfAttention>(options));
  register_module("ln_1", ln_1_);
  mlp_ = register_module("mlp", std::make_shared<PerceiverMlp>(options.width));
  register_module("ln_2", ln_2_);
}

at::Tensor PerceiverBlock::forward(const at::Tensor& x) {
  const auto mixed = x + attn_->forward(ln_1_(x));
  return mixed + mlp_->forward(ln_2_(mixed));
}

PerceiverTransformer::PerceiverTransformer(const PerceiverOptions& options, int64_t layers) {
  for (int64_t i = 0; i < layers; ++i) resblocks_->push_back(std::make_shared<PerceiverBlock>(options));
  register_module("resblocks", resblocks_);
}

at::Tensor PerceiverTransformer::forward(at::Tensor x, runtime::Trace* trace, const char* name) {
  for (std::size_t i = 0; i < resblocks_->size(); ++i) {
    x = resblocks_->at<PerceiverBlock>(i).forward(x);
    if (trace != nullptr && i == 0) trace->emplace_back(name, x);
  }
  return x;
}

PerceiverCrossBlock::PerceiverCrossBlock(const PerceiverOptions& options)
    : ln_1_(perceiver_norm(options.width)),
      ln_2_(perceiver_norm(options.width)),
      ln_3_(perceiver_norm(options.width)) {
  attn_ = register_module("attn", std::make_shared<PerceiverCrossAttention>(options));
  register_module("ln_1", ln_1_);
  register_module("ln_2", ln_2_);
  mlp_ = register_module("mlp", std::make_shared<PerceiverMlp>(options.width));
  register_module("ln_3", ln_3_);
}

KeysValues PerceiverCrossBlock::read(const at::Tensor& data) { return attn_->keys_values(ln_2_(data)); }

at::Tensor PerceiverCrossBlock::forward(const at::Tensor& x, const KeysValues& data, runtime::Trace* trace,
                                        const char* name) {
  const auto read = attn_->forward(ln_1_(x), data);
  if (trace != nullptr) trace->emplace_back(name, read);
  const auto mixed = x + read;
  return mixed + mlp_->forward(ln_3_(mixed));
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
