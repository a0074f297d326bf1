#include "icl/self_attention_learner.h"

#include <torch/torch.h>

#include "nn/position_table.h"
#include "nn/split_heads.h"
#include "nn/variance_scaling.h"

namespace arzoo::icl {
namespace {

constexpr double kLayerNormEps = 1e-5;

at::Tensor mapped(const nn::Affine& map, const at::Tensor& x) {
  const auto product = at::matmul(x, map.weight);
  return map.bias.defined() ? product + map.bias : product;
}

at::Tensor normalised(const nn::Affine& norm, const at::Tensor& x) {
  return norm.weight.defined() ? at::layer_norm(x, {x.size(-1)}, norm.weight, norm.bias, kLayerNormEps) : x;
}

/// Divided by the sum of its coordinates.
at::Tensor by_sum(const at::Tensor& x) { return x / (x.sum(-1, /*keepdim=*/true) + 1e-6); }

}  // namespace

SelfAttentionLearner::SelfAttentionLearner(const VonOswaldOptions& options, int64_t width,
                                           const std::string& net)
    : options_(options), width_(options.inner_width(width)) {
  const int64_t inner = options.num_heads * options.key_size;
  if (options.in_proj) embedding_ = map(net + "/emb", width, options.emb_size, options.use_bias);
  const auto blocks = net + "/~trans_block/";
  for (int64_t layer = 0; layer < (options.deq ? 1 : options.num_layers); ++layer) {
    const auto path =
        options.deq ? net + "/multi_head_attention/" : fmt::format("{}layer_{}/", blocks, layer);
    const bool mixes = options.use_non_lin_mix && (options.deq || layer == 0) && !softmax_in(layer);
    mixtures_.push_back(mixes ? register_parameter(path + "non_lin_mix/w", at::empty({1, 1})) : at::Tensor());
    attention_.push_back({map(path + "query", width_, inner, options.use_bias),
                          map(path + "key", width_, inner, options.use_bias),
                          map(path + "value", width_, inner, options.use_bias),
                          map(path + "linear", inner, width_, options.use_bias)});
    const bool has_norm = options.layer_norm && (options.deq || layer > 0);
    norms_.push_back(!has_norm     ? nn::Affine()
                     : options.deq ? norm(net + "/l_norm/layer_norm")
                                   : norm(fmt::format("{}norm_{}", blocks, layer)));
  }
  if (options.input_mlp) {
    const int64_t embedded = options.in_proj ? options.emb_size : width;
    input_up_ = map(net + "/input_mlp/linear", embedded, options.widening_factor * embedded, true);
    input_down_ = map(net + "/input_mlp/linear_1", options.widening_factor * embedded, embedded, true);
  }
  if (options.out_proj) output_ = map(net + "/linear", width_, options.output_size, true);
  if (options.att_only_trans) return;
  // Layers that do not share their attention share these all the same: haiku names unnamed modules alike.
  const auto own = options.deq ? net + "/" : blocks;
  mlp_up_ = map(own + "mlp/linear", width_, options.widening_factor * width_, options.use_bias);
  mlp_down_ = map(own + "mlp/linear_1", options.widening_factor * width_, width_, options.use_bias);
  if (options.layer_norm)
    mlp_norm_ = norm(options.deq ? net + "/l_norm_1/layer_norm" : blocks + "layer_norm");
}

nn::Affine SelfAttentionLearner::map(const std::string& path, int64_t in, int64_t out, bool bias) {
  nn::Affine map;
  if (bias) map.bias = register_parameter(path + "/b", at::empty({out}));
  map.weight = register_parameter(path + "/w", at::empty({in, out}));
  return map;
}

nn::Affine SelfAttentionLearner::norm(const std::string& path) {
  nn::Affine norm;
  norm.bias = register_parameter(path + "/offset", at::empty({width_}));
  norm.weight = register_parameter(path + "/scale", at::empty({width_}));
  return norm;
}

void SelfAttentionLearner::initialise() {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : named_parameters()) {
    auto value = parameter.value();
    const auto& name = parameter.key();
    if (name.ends_with("/w")) {
      nn::variance_scaling_(value, value.size(0), options_.init_scale);
    } else {
      value.fill_(name.ends_with("/scale") ? 1.0 : 0.0);
    }
  }
}

at::Tensor SelfAttentionLearner::clipped(const at::Tensor& x) const {
  return options_.clip > 0 ? x.clamp(-options_.clip, options_.clip) : x;
}

at::Tensor SelfAttentionLearner::attend(const at::Tensor& x, int64_t layer, SelfAttentionTrace* trace) const {
  const auto& maps = attention(layer);
  const auto heads = [&](const at::Tensor& y) { return nn::split_heads(y, options_.num_heads); };
  const auto seen = options_.include_query ? x : x.narrow(1, 0, x.size(1) - 1);
  auto q = heads(mapped(maps.query, x)), k = heads(mapped(maps.key, seen));
  if (options_.sum_norm) {
    q = by_sum(q);
    k = by_sum(k);
  }
  auto weights = at::matmul(q, k.transpose(-2, -1));
  const auto& mixture = mixtures_.at(options_.deq ? 0 : layer);
  if (softmax_in(layer) || mixture.defined()) {
    const auto softmax = at::softmax(weights / std::sqrt(static_cast<double>(options_.key_size)), -1);
    const auto share = mixture.defined() ? at::sigmoid(10.0 * mixture.squeeze()) : at::Tensor();
    weights = mixture.defined() ? share * softmax + (1.0 - share) * weights : softmax;
  }
  if (trace != nullptr) trace->attention.push_back(weights);
  const auto mixed = at::matmul(weights, heads(mapped(maps.value, seen)));
  return mapped(maps.linear, nn::merge_heads(mixed));
}

at::Tensor SelfAttentionLearner::forward(const at::Tensor& tokens, SelfAttentionTrace* trace) const {
  auto x = options_.in_proj ? mapped(embedding_, tokens) : tokens;
  const auto feed_forward = [](const nn::Affine& up, const nn::Affine& down, const at::Tensor& in) {
    return mapped(down, at::gelu(mapped(up, in), "tanh"));
  };
  if (options_.input_mlp) x = x + feed_forward(input_up_, input_down_, x);
  if (options_.pos_enc) {
    auto table = nn::position_table(x.size(1), options_.pos_enc_size).to(x.options());
    if (options_.zero_pos_enc) table = at::zeros_like(table);
    x = options_.concat_pos_enc ? at::cat({x, table.expand({x.size(0), -1, -1})}, 2) : x + table;
  }
  // The official stack of predictions begins before the first layer where there is an input_mlp.
  if (trace != nullptr && options_.input_mlp) trace->hidden.push_back(x);
  for (int64_t layer = 0; layer < options_.num_layers; ++layer) {
    auto change = attend(normalised(norms_.at(options_.deq ? 0 : layer), x), layer, trace);
    if (options_.y_update) change = at::constant_pad_nd(change.narrow(2, width_ - 1, 1), {width_ - 1, 0});
    x = clipped(x + options_.dampening * change);
    if (!options_.att_only_trans) {
      x = clipped(x + options_.dampening * feed_forward(mlp_up_, mlp_down_, normalised(mlp_norm_, x)));
    }
    if (trace != nullptr) trace->hidden.push_back(x);
  }
  return x;
}

at::Tensor SelfAttentionLearner::mapped_out(const at::Tensor& hidden) const {
  return options_.out_proj ? mapped(output_, hidden) : hidden;
}

namespace {

at::Tensor answer(const at::Tensor& hidden) { return -hidden.select(1, -1).select(1, -1); }

}  // namespace

at::Tensor SelfAttentionLearner::predict(const at::Tensor& tokens) const { return answer(forward(tokens)); }

at::Tensor SelfAttentionLearner::predict_stack(const at::Tensor& tokens) const {
  SelfAttentionTrace trace;
  forward(tokens, &trace);
  std::vector<at::Tensor> answers;
  for (const auto& hidden : trace.hidden) answers.push_back(answer(hidden));
  return at::stack(answers);
}

at::Tensor SelfAttentionLearner::loss(const at::Tensor& tokens, const at::Tensor& target) const {
  return 0.5 * (target.select(1, -1) - predict(tokens)).square().mean();
}

at::Tensor SelfAttentionLearner::sensitivity(const at::Tensor& tokens, int64_t inputs) const {
  const at::AutoGradMode grad(true);
  const auto x = tokens.detach().clone().requires_grad_();
  const auto gradients = torch::autograd::grad({(-predict(x)).sum()}, {x});
  return gradients[0].select(1, -1).narrow(1, 0, inputs);
}

}  // namespace arzoo::icl
