#include "image/var_block.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/attention.h"
#include "nn/cosine_heads.h"
#include "nn/split_heads.h"

namespace arzoo::image {
namespace {

constexpr double kPlainScale = 0.25;
constexpr double kFirstTemperature = 4.0, kLargestTemperature = 100.0;

}  // namespace

VarAttention::VarAttention(const VarOptions& options)
    : heads_(options.num_heads),
      width_(options.embed_dim / options.num_heads),
      l2_norm_(options.attn_l2_norm) {
  const int64_t all = options.embed_dim;
  if (l2_norm_)
    scale_mul_1H11_ =
        register_parameter("scale_mul_1H11", at::full({1, heads_, 1, 1}, std::log(kFirstTemperature)));
  mat_qkv_ = register_module("mat_qkv", std::make_shared<nn::LinearLayer>(all, 3 * all, /*with_bias=*/false));
  q_bias_ = register_parameter("q_bias", at::zeros({all}));
  v_bias_ = register_parameter("v_bias", at::zeros({all}));
  zero_k_bias_ = register_buffer("zero_k_bias", at::zeros({all}));
  proj_ = register_module("proj", std::make_shared<nn::LinearLayer>(all, all));
}

at::Tensor VarAttention::project(const at::Tensor& x) const {
  return mat_qkv_->with_bias(x, at::cat({q_bias_, zero_k_bias_, v_bias_}).to(mat_qkv_->type()));
}

at::Tensor VarAttention::temperatures() const {
  return scale_mul_1H11_.clamp_max(std::log(kLargestTemperature)).exp();
}

at::Tensor VarAttention::forward(const at::Tensor& x, const at::Tensor& bias) {
  const auto parts = nn::split_heads(project(x), heads_, 3);
  auto q = parts[0], k = parts[1];
  kernels::AttentionMode mode;
  mode.bias = bias;
  mode.scale = kPlainScale / std::sqrt(static_cast<double>(width_));
  if (l2_norm_) {
    q = nn::unit_vectors(q) * temperatures();
    k = nn::unit_vectors(k);
    mode.scale = 1.0;
  }
  if (const auto type = proj_->type(); type != at::kFloat) {
    q = q.to(type);
    k = k.to(type);
    mode.bias = bias.to(type);
  }
  const auto mixed = kernels::attention(q, k, parts[2], mode);
  return proj_->forward(nn::merge_heads(mixed));
}

at::Tensor VarAttention::extend(const at::Tensor& x, const std::vector<int64_t>& scales, nn::KvCache& cache) {
  int64_t seen = cache.length();
  auto qkv = project(x);
  kernels::AttentionMode mode;
  at::Tensor q;
  if (l2_norm_) {
    q = nn::cache_cosine_heads(qkv, temperatures().to(at::kFloat).view({heads_}), cache);
    mode.scale = 1.0;
  } else {
    const auto parts = nn::split_heads(qkv, heads_, 3);
    q = parts[0];
    cache.append(parts[1], parts[2]);
    mode.scale = kPlainScale / std::sqrt(static_cast<double>(width_));
  }
  std::vector<at::Tensor> mixed;
  int64_t begin = 0;
  for (const int64_t count : scales) {
    seen += count;
    const auto [keys, values] = cache.first(seen);
    mixed.push_back(nn::merge_heads(kernels::attention(q.narrow(2, begin, count), keys, values, mode)));
    begin += count;
  }
  return proj_->forward(mixed.size() == 1 ? mixed.front() : at::cat(mixed, 1));
}

VarFeedForward::VarFeedForward(int64_t width, int64_t hidden) {
  fc1_ = register_module("fc1", std::make_shared<nn::LinearLayer>(width, hidden));
  fc2_ = register_module("fc2", std::make_shared<nn::LinearLayer>(hidden, width));
}

at::Tensor VarFeedForward::forward(const at::Tensor& x) const {
  return fc2_->forward(fc1_->forward(x, kernels::Activation::gelu_tanh));
}

VarBlock::VarBlock(const VarOptions& options) : eps_(options.norm_eps) {
  const int64_t width = options.embed_dim;
  // To even on a tie, as Python rounds.
  const auto hidden = static_cast<int64_t>(std::nearbyint(static_cast<double>(width) * options.mlp_ratio));
  if (options.shared_aln) ada_gss_ = register_parameter("ada_gss", at::empty({1, 1, 6, width}));
  attn_ = register_module("attn", std::make_shared<VarAttention>(options));
  ffn_ = register_module("ffn", std::make_shared<VarFeedForward>(width, hidden));
  if (!options.shared_aln)
    ada_lin_ = register_module("ada_lin", std::make_shared<nn::AdaLnModulation>(width, 6));
}

BlockModulation VarBlock::modulation(const at::Tensor& condition, const at::Tensor& shared) const {
  const auto all = ada_lin_ == nullptr ? ada_gss_ + shared : ada_lin_->forward(condition);
  return BlockModulation::of(all.unbind(2));
}

at::Tensor VarBlock::forward(const at::Tensor& x, const BlockModulation& modulation, const at::Tensor& bias,
                             const PathMask& path_mask, const std::string& name, runtime::Trace* trace,
                             const at::Tensor& between) {
  const auto traced = [&](const char* part, const at::Tensor& branch) {
    if (trace != nullptr) trace->emplace_back(name + part, branch);
    return branch;
  };
  const auto kept = [](const at::Tensor& gamma, const at::Tensor& share) {
    return share.defined() ? gamma * share : gamma;
  };
  // The residual stays in fp32 where the maps are narrower.
  const auto type = attn_->proj().type();
  auto middle =
      gated_branch(x, modulation.before_attention(), kept(modulation.gamma1, path_mask.attention), eps_, type,
                   [&](const at::Tensor& normed) { return traced(".attn", attn_->forward(normed, bias)); });
  if (between.defined()) middle = middle + between;
  const auto out =
      gated_branch(middle, modulation.before_ffn(), kept(modulation.gamma2, path_mask.ffn), eps_, type,
                   [&](const at::Tensor& normed) { return traced(".ffn", ffn_->forward(normed)); });
  if (trace != nullptr) trace->emplace_back(name, out);
  return out;
}

void VarBlock::initialise_modulation(double gamma_factor) {
  const torch::NoGradGuard no_grad;
  const auto shrink = [&](at::Tensor gammas, at::Tensor others) {
    gammas.mul_(gamma_factor);
    others.mul_(0.5);
  };
  if (ada_lin_ == nullptr) {
    ada_gss_.normal_().div_(std::sqrt(static_cast<double>(ada_gss_.size(3))));
    shrink(ada_gss_.narrow(2, 0, 2), ada_gss_.narrow(2, 2, 4));
  } else {
    const auto& weight = ada_lin_->map().weight();
    const int64_t width = weight.size(1);
    shrink(weight.narrow(0, 0, 2 * width), weight.narrow(0, 2 * width, 4 * width));
  }
}

}  // namespace arzoo::image
