#include "nn/vit_block.h"

#include <torch/torch.h>

#include "runtime/recompute.h"

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

VitBlock::VitBlock(const VitOptions& options)
    : block_({.heads = options.heads,
              .norm_eps = options.norm_eps,
              .attention_dropout = options.attn_dropout,
              .dropout = options.proj_dropout}) {
  const int64_t width = options.width;
  const auto hidden = static_cast<int64_t>(static_cast<double>(width) * options.mlp_ratio);
  const auto part = [&](const char* name) {
    return register_module(name, std::make_shared<torch::nn::Module>());
  };
  const auto map = [](torch::nn::Module& owner, const char* name, int64_t in, int64_t out) {
    return owner.register_module(name, std::make_shared<LinearLayer>(in, out));
  };
  norm1_ = register_module("norm1", std::make_shared<VitNorm>(width, options.norm_eps));
  const auto attn = part("attn");
  qkv_ = map(*attn, "qkv", width, 3 * width);
  proj_ = map(*attn, "proj", width, width);
  norm2_ = register_module("norm2", std::make_shared<VitNorm>(width, options.norm_eps));
  const auto mlp = part("mlp");
  fc1_ = map(*mlp, "fc1", width, hidden);
  fc2_ = map(*mlp, "fc2", hidden, width);
}

BlockWeights VitBlock::weights() const {
  BlockWeights weights;
  weights.norm_1 = norm1_->affine();
  weights.norm_2 = norm2_->affine();
  weights.qkv = qkv_->map();
  weights.projection = proj_->map();
  weights.up = fc1_->map();
  weights.down = fc2_->map();
  return weights;
}

at::Tensor VitBlock::forward(const at::Tensor& x) const {
  return block_.forward(x, weights(), {.training = is_training()});
}

at::Tensor VitBlock::attention(const at::Tensor& x, const at::Tensor& wanted) const {
  return block_.attention(x, weights(), {.queries = wanted, .training = is_training()});
}

at::Tensor VitBlock::mlp(const at::Tensor& x) const {
  return block_.feed_forward(x, weights(), {.training = is_training()});
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
  for (const auto& block : blocks_)
    x = runtime::recomputed(x, [block](const at::Tensor& tokens) { return block->forward(tokens); });
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
    const auto attended = block.attention(normed, some ? wanted : at::Tensor());
    if (some) x = tokens_at(x, wanted);
    normed =
        kernels::gated_modulated_norm(x, attended, {}, block.norm2().modulation(), block.norm2().eps(), type);
    const auto& next = norm_before(i + 1);
    normed = kernels::gated_modulated_norm(x, block.mlp(normed), {}, next.modulation(), next.eps(),
                                           last ? at::kFloat : type);
  }
  return wanted.defined() && blocks_.empty() ? tokens_at(normed, wanted) : normed;
}

void VitStack::set_type(at::ScalarType type) const {
  for (const auto& block : blocks_) set_linear_type(*block, type);
}

}  // namespace arzoo::nn
