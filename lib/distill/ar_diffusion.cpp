#include "distill/ar_diffusion.h"

#include <torch/torch.h>

#include <cmath>

#include "runtime/autocast.h"
#include "runtime/named_tensors.h"

namespace arzoo::distill {
namespace {

/// Times in [0, 1] as the head's embedding of timesteps takes them.
constexpr double kTimesteps = 1000.0;

}  // namespace

at::Tensor HeadDiffusion::velocity(const at::Tensor& x, const at::Tensor& t, const at::Tensor& states) const {
  return head_velocity(*head_, x, t * kTimesteps, states);
}

void copy_weights(torch::nn::Module& to, const torch::nn::Module& from) {
  const torch::NoGradGuard no_grad;
  const auto theirs = runtime::state_dict(from), mine = runtime::state_dict(to);
  for (const auto& [name, weight] : mine) {
    auto own = weight;
    if (const auto* given = theirs.find(name)) own.copy_(*given);
  }
}

at::Tensor head_velocity(const nn::DiffusionHead& head, const at::Tensor& x, const at::Tensor& timesteps,
                         const at::Tensor& states) {
  const runtime::WithoutAutocast full_precision(x.device().type());
  const auto rows = x.reshape({-1, x.size(-1)}), given = states.reshape({-1, states.size(-1)});
  const auto times = timesteps.reshape({-1});
  const auto out =
      at::GradMode::is_enabled() ? head.forward(rows, times, given) : head.estimate_at(rows, times, given);
  return out.narrow(1, 0, x.size(-1)).view(x.sizes());
}

at::Tensor with_given(const at::Tensor& noise, const at::Tensor& tokens, int64_t given) {
  return at::cat({tokens.narrow(1, 0, given), tokens_from(noise, given)}, 1);
}

at::Tensor ArDiffusion::generate(const at::Tensor& labels, const at::Tensor& noise, int64_t data) {
  const int64_t sampled = noise.size(1) - data;
  const auto e = noise.narrow(1, data, sampled);
  const auto states = this->states(labels, noise).narrow(1, data, sampled);
  const auto q = e - velocity(e, at::ones({e.size(0), sampled, 1}, e.options().requires_grad(false)), states);
  return data == 0 ? q : at::cat({noise.narrow(1, 0, data), q}, 1);
}

HeadDiffusion::HeadDiffusion(int64_t channels, int64_t state_width, const HeadSize& size)
    : head_(std::make_shared<nn::DiffusionHead>(nn::DiffusionHeadOptions{.channels = channels,
                                                                         .condition_width = state_width,
                                                                         .width = size.width,
                                                                         .depth = size.depth,
                                                                         .outputs = channels})) {}

void HeadDiffusion::initialise_head() {
  constexpr double kSmall = 0.02;
  const torch::NoGradGuard no_grad;
  head_->initialise();
  for (auto& parameter : head_->parameters()) {
    if (parameter.dim() == 2 && !parameter.any().item<bool>()) parameter.normal_(0.0, kSmall);
  }
}

VarDiffusion::VarDiffusion(const image::VarOptions& options, const HeadSize& head,
                           const image::ResidualQuantizer& quantizer, double unit)
    : image::Var(options, Parts::without_head),
      HeadDiffusion(options.vae.z_channels, options.embed_dim, head),
      quantizer_(quantizer),
      unit_(unit) {
  register_module("head", head_module());
}

at::Tensor VarDiffusion::states(const at::Tensor& labels, const at::Tensor& tokens) {
  return hidden(labels, quantizer_.inputs_of(tokens.detach() * unit_, grids()));
}

void VarDiffusion::start_from(const image::Var& teacher) {
  copy_weights(*this, teacher);
  initialise_head();
}

LlamaGenDiffusion::LlamaGenDiffusion(const image::LlamaGenOptions& options, const HeadSize& head)
    : LlamaGenBlocks(options), HeadDiffusion(options.vae.codebook_embed_dim, options.dim, head) {
  tok_embeddings_ = register_module(
      "tok_embeddings", std::make_shared<nn::LinearLayer>(options.vae.codebook_embed_dim, options.dim));
  register_module("head", head_module());
}

at::Tensor LlamaGenDiffusion::states(const at::Tensor& labels, const at::Tensor& tokens) {
  const auto before = tokens.detach().narrow(1, 0, tokens.size(1) - 1);
  return normed(pass(at::cat({class_tokens(labels), tok_embeddings_->forward(before)}, 1)));
}

}  // namespace arzoo::distill
