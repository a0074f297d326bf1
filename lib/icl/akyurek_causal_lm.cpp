#include "icl/akyurek_causal_lm.h"

#include <torch/torch.h>

#include "icl/function_learners.h"
#include "kernels/linear.h"

namespace arzoo::icl {

AkyurekCausalLm::AkyurekCausalLm(const AkyurekOptions& options, int64_t dims, int64_t max_len)
    : options_(options), sizes_(options.decoder()), decoder_(sizes_) {
  const int64_t width = sizes_.n_embd, heads = sizes_.n_head, head = sizes_.head_width(),
                hidden = sizes_.hidden_width();
  const std::string root = "Transformer_0/";
  read_in_ = dense(root + "Dense_0", {dims + 1, width}, {width});
  positions_ =
      register_parameter(root + "PositionEmbeddings_0/pos_embedding", at::empty({1, max_len, width}));
  for (int64_t i = 0; i < sizes_.n_layer; ++i) {
    const auto path = fmt::format("{}Encoder1DBlock_{}/", root, i), attention = path + "SelfAttention_0/";
    Block block;
    if (!options.disable_layer_norms) {
      block.norm_1 = norm(path + "LayerNorm_0");
      block.norm_2 = norm(path + "LayerNorm_1");
    }
    block.query = dense(attention + "query", {width, heads, head}, {heads, head});
    block.key = dense(attention + "key", {width, heads, head}, {heads, head});
    block.value = dense(attention + "value", {width, heads, head}, {heads, head});
    block.out = dense(attention + "out", {heads, head, width}, {width});
    block.up = dense(path + "MLP_0/Dense_0", {width, hidden}, {hidden});
    block.down = dense(path + "MLP_0/Dense_1", {hidden, width}, {width});
    blocks_.push_back(std::move(block));
  }
  if (options.final_layer_norm) final_norm_ = norm(root + "LayerNorm_0");
  const int64_t predicted = options.loss_on_x_steps ? dims + 1 : 1;
  read_out_ = dense("Dense_0", {width, predicted}, {predicted});
}

nn::Affine AkyurekCausalLm::dense(const std::string& path, at::IntArrayRef kernel, at::IntArrayRef bias) {
  nn::Affine map;
  map.bias = register_parameter(path + "/bias", at::empty(bias));
  map.weight = register_parameter(path + "/kernel", at::empty(kernel));
  return map;
}

nn::Affine AkyurekCausalLm::norm(const std::string& path) {
  nn::Affine norm;
  norm.bias = register_parameter(path + "/bias", at::empty({sizes_.n_embd}));
  norm.weight = register_parameter(path + "/scale", at::empty({sizes_.n_embd}));
  return norm;
}

/// Every kernel and every bias uniform within sqrt(1 / the product of all its sizes but the last), of a bias
/// 1 / sqrt(its size); the official initialiser is meant for kernels and serves for both.
void AkyurekCausalLm::initialise() {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : named_parameters()) {
    auto value = parameter.value();
    if (parameter.key().ends_with("scale")) {
      value.fill_(1.0);
    } else if (parameter.key().find("LayerNorm") != std::string::npos) {
      value.zero_();
    } else {
      const int64_t fan = value.dim() == 1 ? value.size(0) : value.numel() / value.size(-1);
      const double bound = std::sqrt(1.0 / static_cast<double>(fan));
      value.uniform_(-bound, bound);
    }
  }
}

nn::DecoderWeights AkyurekCausalLm::weights() const {
  const auto map = [](const nn::Affine& official, int64_t inputs) {
    return nn::Affine{official.weight.reshape({inputs, -1}).t(), official.bias.reshape({-1})};
  };
  const int64_t width = sizes_.n_embd;
  nn::DecoderWeights weights;
  weights.positions = positions_[0];
  for (const auto& block : blocks_) {
    nn::BlockWeights own;
    own.norm_1 = block.norm_1;
    own.norm_2 = block.norm_2;
    const auto q = map(block.query, width), k = map(block.key, width), v = map(block.value, width);
    // The softmax cancels a key's bias, so that its gradient is 0 up to rounding errors, which Adam's
    // division would scale up to whole steps.
    own.qkv = {at::cat({q.weight, k.weight, v.weight}), at::cat({q.bias, k.bias.detach(), v.bias})};
    own.projection = map(block.out, sizes_.n_head * sizes_.head_width());
    own.up = map(block.up, width);
    own.down = map(block.down, sizes_.hidden_width());
    weights.blocks.push_back(std::move(own));
  }
  weights.norm = final_norm_;
  return weights;
}

at::Tensor AkyurekCausalLm::rows(const at::Tensor& xs, const at::Tensor& ys) {
  const auto x_rows = at::constant_pad_nd(xs, {1, 0}),
             y_rows = at::constant_pad_nd(ys.unsqueeze(-1), {0, xs.size(2)});
  return at::stack({x_rows, y_rows}, 2).view({xs.size(0), 2 * xs.size(1), xs.size(2) + 1});
}

at::Tensor AkyurekCausalLm::predict_rows(const at::Tensor& rows, nn::DecoderTrace* trace) {
  const auto inputs = rows.narrow(1, 0, rows.size(1) - 1);
  const auto hidden = decoder_.forward(kernels::linear(inputs, read_in_.weight.t(), read_in_.bias), weights(),
                                       {.trace = trace});
  return kernels::linear(hidden, read_out_.weight.t(), read_out_.bias).to(at::kFloat);
}

at::Tensor AkyurekCausalLm::errors(const at::Tensor& rows, const at::Tensor& predicted) const {
  if (options_.loss_on_x_steps) return (predicted - rows.narrow(1, 1, predicted.size(1))).square().sum(-1);
  const auto even = [](const at::Tensor& x) { return x.slice(1, 0, c10::nullopt, 2); };
  return (even(predicted).select(-1, 0) - even(rows.narrow(1, 1, predicted.size(1))).select(-1, 0)).square();
}

at::Tensor AkyurekCausalLm::predict(const at::Tensor& xs, const at::Tensor& ys) {
  return predict_rows(rows(xs, ys)).slice(1, 0, c10::nullopt, 2).select(-1, 0);
}

at::Tensor AkyurekCausalLm::loss(const at::Tensor& xs, const at::Tensor& ys) {
  const auto all = rows(xs, ys);
  return errors(all, predict_rows(all)).mean();
}

}  // namespace arzoo::icl
