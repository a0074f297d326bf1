#include "nn/vit_block.h"

#include <torch/torch.h>

#include "kernels/attention.h"
#include "kernels/dropout.h"
#include "kernels/hidden_layer.h"

namespace arzoo::nn {

VitNorm::VitNorm(int64_t width, double eps) : eps_(eps) {
  weight_ = register_parameter("weight", at::ones({width}));
  bias_ = register_parameter("bias", at::zeros({width}));
}

at::Tensor VitNorm::forward(const at::Tensor& x) const {
  return at::layer_norm(x, {x.size(-1)}, weight_, bias_, eps_);
}

kernels::Modulation VitNorm::modulation() const {
  return {(weight_ - 1.0).view({1, 1, -1}), bias_.view({1, 1, -1})};
}

void VitNorm::initialise() {
  const torch::NoGradGuard no_grad;
  weight_.fill_(1.0);
  bias_.zero_();
}

VitAttention::VitAttention(const VitOptions& options)
    : heads_(options.heads), dropout_(options.attn_dropout) {
  qkv_ = register_module("qkv", std::make_shared<LinearLayer>(options.width, 3 * options.width));
  proj_ = register_module("proj", std::make_shared<LinearLayer>(options.width, options.width));
}

at::Tensor VitAttention::forward(const at::Tensor& x, const at::Tensor& wanted) const {
  const int64_t batch = x.size(0), tokens = x.size(1), width = x.size(2);
  const auto parts =
      qkv_->forward(x).view({batch, tokens, 3, heads_, width / heads_}).permute({2, 0, 3, 1, 4}).unbind(0);
  auto q = parts[0];  // [B, H, L, E]
  if (wanted.defined())
    q = q.gather(2, wanted.view({batch, 1, -1, 1}).expand({batch, heads_, wanted.size(1), q.size(3)}));
  const auto mixed =
      kernels::attention(q, parts[1], parts[2], {.dropout = dropout_, .training = is_training()});
  return proj_->forward(mixed.transpose(1, 2).reshape({batch, -1, width}));
}

VitMlp::VitMlp(const VitOptions& options) : dropout_(options.proj_dropout) {
  const auto hidden = static_cast<int64_t>(static_cast<double>(options.width) * options.mlp_ratio);
  fc1_ = register_module("fc1", std::make_shared<LinearLayer>(options.width, hidden));
  fc2_ = register_module("fc2", std::make_shared<LinearLayer>(hidden, options.width));
}

at::Tensor VitMlp::forward(const at::Tensor& x) const {
  if (!at::GradMode::is_enabled()) return fc2_->forward(fc1_->forward(x, kernels::Activation::gelu));
  const auto hidden = kernels::hidden_layer(x, fc1_->weight(), fc1_->bias(), kernels::Activation::gelu,
                                            dropout_, is_training());
  return fc2_->forward(hidden);
}

VitBlock::VitBlock(const VitOptions& options) : dropout_(options.proj_dropout) {
  norm1_ = register_module("norm1", std::make_shared<VitNorm>(options.width, options.norm_eps));
  attn_ = register_module("attn", std::make_shared<VitAttention>(options));
  norm2_ = register_module("norm2", std::make_shared<VitNorm>(options.width, options.norm_eps));
  mlp_ = register_module("mlp", std::make_shared<VitMlp>(options));
}

at::Tensor VitBlock::forward(const at::Tensor& x) const {
  const auto y = kernels::residual_dropout(x, attn_->forward(norm1_->forward(x)), dropout_, is_training());
  return kernels::residual_dropout(y, mlp_->forward(norm2_->forward(y)), dropout_, is_training());
}

at::Tensor tokens_at(const at::Tensor& x, const at::Tensor& index) {
  return x.gather(1, index.unsqueeze(-1).expand({-1, -1, x.size(2)}));
}

VitStack::VitStack(int64_t depth, const VitOptions& options)
    : norm_(std::make_shared<VitNorm>(options.width, options.norm_eps)) {
  for (int64_t i = 0; i < depth; ++i) blocks_.push_back(std::make_shared<VitBlock>(options));
}

void VitStack::register_in(torch::nn::Module& owner, const char* blocks, const char* norm) const {
  torch::nn::ModuleList list;
  for (const auto& block : blocks_) list->push_back(block);
  owner.register_module(blocks, list);
  owner.register_module(norm, norm_);
}

at::Tensor VitStack::forward(at::Tensor x, at::ScalarType type, const at::Tensor& wanted) const {
  if (!at::GradMode::is_enabled()) return infer(std::move(x), type, wanted);
  for (const auto& block : blocks_) x = block->forward(x);
  const auto normed = norm_->forward(x);
  return wanted.defined() ? tokens_at(normed, wanted) : normed;
}

at::Tensor VitStack::infer(at::Tensor x, at::ScalarType type, const at::Tensor& wanted) const {
  x = x.contiguous();
  const auto norm_before = [&](std::size_t i) -> const VitNorm& {
    return i < blocks_.size() ? blocks_[i]->norm1() : *norm_;
  };
  const auto& first = norm_before(0);
  auto normed =
      kernels::modulated_norm(x, first.modulation(), first.eps(), blocks_.empty() ? at::kFloat : type);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const auto& block = *blocks_[i];
    const bool last = i + 1 == blocks_.size();
    const bool some = last && wanted.defined();
    const auto attended = block.attention().forward(normed, some ? wanted : at::Tensor());
    if (some) x = tokens_at(x, wanted);
    normed =
        kernels::gated_modulated_norm(x, attended, {}, block.norm2().modulation(), block.norm2().eps(), type);
    const auto& next = norm_before(i + 1);
    normed = kernels::gated_modulated_norm(x, block.mlp().forward(normed), {}, next.modulation(), next.eps(),
                                           last ? at::kFloat : type);
  }
  return wanted.defined() && blocks_.empty() ? tokens_at(normed, wanted) : normed;
}

void VitStack::set_type(at::ScalarType type) const {
  for (const auto& block : blocks_) set_linear_type(*block, type);
}

}  // namespace arzoo::nn
