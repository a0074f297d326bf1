#include "distill/dd1_var.h"

#include <torch/torch.h>

#include <cmath>

#include "nn/embedding_table.h"
#include "runtime/autocast.h"
#include "runtime/named_tensors.h"

namespace arzoo::distill {
namespace {

/// The student as a VAR whose first level is the class token.
image::VarOptions with_class_level(image::VarOptions options) {
  options.patch_nums.insert(options.patch_nums.begin(), 1);
  return options;
}

/// 0 where a token sees another, of a lower level or itself, -inf elsewhere: [1, 1, L', L'].
at::Tensor lower_levels_bias(const image::Grids& grids) {
  const int64_t all = image::tokens_of(grids);
  auto bias = at::full({all, all}, -std::numeric_limits<double>::infinity(), at::kFloat);
  int64_t begin = 0;
  for (const auto& grid : grids) {
    bias.narrow(0, begin, grid.tokens()).narrow(1, 0, begin).zero_();
    begin += grid.tokens();
  }
  bias.diagonal().zero_();
  return bias.view({1, 1, all, all});
}

}  // namespace

Dd1Var::Dd1Var(const Dd1VarOptions& options)
    : image::Var(with_class_level(options.var)),
      dd_options_(options),
      token_grids_(image::square_grids(options.var.patch_nums)) {
  const int64_t width = options.var.embed_dim;
  at::Tensor bias = visibility();
  bias.copy_(lower_levels_bias(grids()));
  n_d_embed_ = nn::register_table(*this, "n_d_embed", 2, width);
  torch::nn::ModuleList layers;
  for (int64_t i = 0; i <= options.var.depth; ++i) {
    layerwise_n_d_embed_.push_back(std::make_shared<nn::LinearLayer>(width, width));
    layers->push_back(layerwise_n_d_embed_.back());
  }
  register_module("layerwise_n_d_embed", layers);
  final_ =
      register_module("final_layer_conti", std::make_shared<FinalLayer>(width, options.var.vae.z_channels));
}

Dd1Var::Hidden Dd1Var::hidden(const at::Tensor& labels, const at::Tensor& tokens, int64_t t,
                              runtime::Trace* trace) {
  const auto condition = condition_of(labels);
  const auto by_kind = [data = 1 + known(t), all = 1 + tokens.size(1)](const at::Tensor& table) {
    return kind_rows(table, data, all);
  };
  Added added{by_kind(n_d_embed_), {}};
  for (const auto& layer : layerwise_n_d_embed_) added.between.push_back(by_kind(layer->forward(n_d_embed_)));
  const auto x = pass_blocks(condition, tokens, {}, trace, nullptr, added) + added.between.back();
  return {x.narrow(1, 1, tokens.size(1)), condition};
}

at::Tensor Dd1Var::continuous(const Hidden& hidden) const {
  const runtime::WithoutAutocast full_precision(hidden.tokens.device().type());
  return final_->forward(hidden.tokens, hidden.condition);
}

void Dd1Var::start_from(const image::Var& teacher) {
  const torch::NoGradGuard no_grad;
  const double stddev = std::sqrt(1.0 / static_cast<double>(3 * options().embed_dim));
  const auto theirs = runtime::state_dict(teacher), mine = runtime::state_dict(*this);
  for (const auto& [name, tensor] : mine) {
    const auto* weight = theirs.find(name);
    auto own = tensor;
    if (name == "lvl_1L" || name == "attn_bias_for_masking") continue;
    if (weight == nullptr) {
      name.ends_with("bias") ? own.zero_() : own.normal_(0.0, stddev);
    } else if (weight->sizes() == own.sizes()) {
      own.copy_(*weight);
    } else {
      // A level and a place more: the class has the teacher's first, its first token a new one.
      const int64_t axis = own.dim() - 2, rows = own.size(axis);
      own.normal_(0.0, stddev);
      own.narrow(axis, 0, 1).copy_(weight->narrow(axis, 0, 1));
      own.narrow(axis, 2, rows - 2).copy_(weight->narrow(axis, 1, rows - 2));
    }
  }
}

at::Tensor Dd1Sampler::perturbed(const at::Tensor& x, const at::Tensor& noise, int64_t t) const {
  const int64_t data = model_.known(t);
  return data == 0 ? noise : at::cat({x.narrow(1, 0, data), noise.narrow(1, data, noise.size(1) - data)}, 1);
}

at::Tensor Dd1Sampler::step(const at::Tensor& labels, const at::Tensor& x, int64_t t) const {
  const torch::NoGradGuard no_grad;
  const int64_t all = x.size(1), data = model_.known(t),
                split = std::max(data, model_.known(model_.dd_options().chosen_scales()));
  const auto hidden = model_.hidden(labels, x, t);
  std::vector<at::Tensor> parts;
  if (data > 0) parts.push_back(x.narrow(1, 0, data));
  if (split > data) {
    const auto logits = model_.logits(hidden.part(data, split));
    const auto ids = random_inputs_ == nullptr ? logits.argmax(-1)
                                               : random_inputs_->pick(logits.cpu(), data).to(logits.device());
    parts.push_back(at::embedding(codebook_, ids));
  }
  if (all > split) parts.push_back(model_.continuous(hidden.part(split, all)));
  return at::cat(parts, 1);
}

at::Tensor TeacherSteps::resampled(const at::Tensor& labels, const at::Tensor& ids,
                                   nn::TokenRandomInputs& random_inputs) const {
  std::vector<at::Tensor> given;
  int64_t begin = 0;
  for (std::size_t k = 0; k < static_cast<std::size_t>(first); ++k) {
    const int64_t tokens = model.grids()[k].tokens();
    given.push_back(ids.narrow(1, begin, tokens));
    begin += tokens;
  }
  const image::VarSampler sampler(vae, model);
  return at::cat(
      sampler.tokens_after(std::move(given), static_cast<std::size_t>(last), labels, sampling, random_inputs),
      1);
}

at::Tensor Dd1Sampler::sample(const at::Tensor& labels, const at::Tensor& noise,
                              const std::vector<int64_t>& times) const {
  auto x = noise;
  for (const int64_t t : times) x = step(labels, perturbed(x, noise, t), t);
  return x;
}

}  // namespace arzoo::distill
