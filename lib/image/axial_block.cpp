#include "image/axial_block.h"

#include <torch/torch.h>

#include "kernels/dropout.h"
#include "nn/variance_scaling.h"

namespace arzoo::image {
namespace {

constexpr double kAxialNormEps = 1e-5;
/// x sigmoid(c x) = silu(c x) / c: with the factor in the maps around it, the hidden layer is a fused one.
constexpr double kSigmoidSlope = 1.702;

nn::BlockOptions block_options(const AxialBlockOptions& options) {
  nn::BlockOptions block;
  block.heads = options.heads;
  block.causal = options.masked;
  block.feed_forward = "silu";
  block.norm_eps = kAxialNormEps;
  return block;
}

}  // namespace

AxialDense::AxialDense(int64_t in, int64_t out) {
  w_ = register_parameter("w", at::empty({in, out}));
  b_ = register_parameter("b", at::empty({out}));
}

void AxialDense::initialise(double scale) {
  const torch::NoGradGuard no_grad;
  nn::variance_scaling_(w_, w_.size(0), scale);
  b_.zero_();
}

void AxialDense::pack() {
  if (packed_.defined() || !kernels::can_pack(w_)) return;
  packed_ = kernels::packed_linear_weight(w_.t().contiguous());
  kernels::release(w_);
}

AxialNorm::AxialNorm(int64_t width) {
  g_ = register_parameter("g", at::empty({width}));
  b_ = register_parameter("b", at::empty({width}));
}

at::Tensor AxialNorm::forward(const at::Tensor& x) const {
  return at::layer_norm(x, {x.size(-1)}, g_, b_, kAxialNormEps);
}

void AxialNorm::initialise() {
  const torch::NoGradGuard no_grad;
  g_.fill_(1.0);
  b_.zero_();
}

AxialBlock::AxialBlock(const AxialBlockOptions& options)
    : dropout_(options.dropout), block_(block_options(options)) {
  const int64_t width = options.width, hidden = options.hdim_factor * width;
  const auto attn = std::make_shared<torch::nn::Module>(), mlp = std::make_shared<torch::nn::Module>();
  const auto dense = [](const auto& owner, const char* name, int64_t in, int64_t out) {
    return owner->register_module(name, std::make_shared<AxialDense>(in, out));
  };
  q_ = dense(attn, "q", width, width);
  k_ = dense(attn, "k", width, width);
  v_ = dense(attn, "v", width, width);
  proj_out_ = dense(attn, "proj_out", width, width);
  mlp_in_ = dense(mlp, "proj_in", width, hidden);
  mlp_out_ = dense(mlp, "proj_out", hidden, width);
  register_module("attn", attn);
  register_module("mlp", mlp);
  layernorm_attn_ = register_module("layernorm_attn", std::make_shared<AxialNorm>(width));
  layernorm_mlp_ = register_module("layernorm_mlp", std::make_shared<AxialNorm>(width));
}

nn::BlockWeights AxialBlock::weights() const {
  nn::BlockWeights weights;
  weights.norm_1 = layernorm_attn_->affine();
  weights.norm_2 = layernorm_mlp_->affine();
  weights.qkv = {at::cat({q_->w(), k_->w(), v_->w()}, 1).t(), at::cat({q_->b(), k_->b(), v_->b()})};
  weights.projection = proj_out_->map();
  weights.up = {(mlp_in_->w() * kSigmoidSlope).t(), mlp_in_->b() * kSigmoidSlope};
  weights.down = {(mlp_out_->w() / kSigmoidSlope).t(), mlp_out_->b()};
  return weights;
}

at::Tensor AxialBlock::forward(const at::Tensor& x, nn::KvCache* cache) const {
  nn::BlockPass pass;
  pass.cache = cache;
  if (is_training() && dropout_ > 0.0) {
    pass.thinned = [this](nn::Branch, const at::Tensor& added) {
      return kernels::dropout(added, dropout_, /*training=*/true);
    };
  }
  return block_.forward(x, packed_ ? *packed_ : weights(), pass);
}

void AxialBlock::initialise(double res_init_scale) {
  for (const auto& map : {q_, k_, v_, mlp_in_}) map->initialise(1.0);
  for (const auto& map : {proj_out_, mlp_out_}) map->initialise(res_init_scale);
  layernorm_attn_->initialise();
  layernorm_mlp_->initialise();
}

void AxialBlock::pack() {
  if (packed_ || !kernels::can_pack(q_->w())) return;
  auto own = weights();
  for (auto* map : {&own.qkv, &own.projection, &own.up, &own.down})
    map->weight = kernels::packed_linear_weight(map->weight.contiguous());
  packed_ = std::move(own);
  for (const auto& map : {q_, k_, v_, proj_out_, mlp_in_, mlp_out_}) kernels::release(map->w());
}

}  // namespace arzoo::image
