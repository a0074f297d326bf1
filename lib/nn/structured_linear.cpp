#include "nn/structured_linear.h"

#include <torch/torch.h>

#include <cmath>
#include <stdexcept>

#include "core/config.h"
#include "runtime/deferred_weights.h"

namespace arzoo::nn {
namespace {

// Up to so many tokens one dense product takes less time than two of the factors.
constexpr int64_t kFewTokens = 16;

/// x: [..., b * in]; blocks: [b, out, in]; returns [..., b, out].
at::Tensor by_blocks(const at::Tensor& x, const at::Tensor& blocks) {
  const int64_t count = blocks.size(0), in = blocks.size(2);
  const auto rows = x.reshape({-1, count * in});
  auto sizes = x.sizes().vec();
  sizes.back() = count;
  sizes.push_back(blocks.size(1));
  if (at::GradMode::is_enabled()) {
    const auto apart = rows.unflatten(1, {count, in}).transpose(0, 1);  // [b, N, in]
    return at::bmm(apart, blocks.transpose(1, 2)).transpose(0, 1).reshape(sizes);
  }
  // Each product is written where it belongs.
  const int64_t out = blocks.size(1);
  const auto y = at::empty({rows.size(0), count * out}, x.options());
  for (int64_t i = 0; i < count; ++i) {
    auto part = y.narrow(1, i * out, out);
    at::mm_out(part, rows.narrow(1, i * in, in), blocks[i].t());
  }
  return y.view(sizes);
}

/// blkdiag2 P blkdiag1 and P' on columns of tokens, in which the shuffles cost nothing: a block reads and
/// writes every b-th row. x: [N, in]; returns [N, out], columns in memory. In inference.
at::Tensor shuffled_by_columns(const at::Tensor& x, const at::Tensor& first, const at::Tensor& second) {
  const int64_t count = first.size(0), between = first.size(1), in = first.size(2), tokens = x.size(0);
  const auto middle = at::empty({count * between, tokens}, x.options());
  for (int64_t i = 0; i < count; ++i) {
    auto part = middle.narrow(0, i * between, between);
    at::mm_out(part, first[i], x.narrow(1, i * in, in).t());
  }
  const auto dealt = middle.unflatten(0, {between, count});
  const auto out = at::empty({second.size(1), count, tokens}, x.options());
  for (int64_t i = 0; i < count; ++i) {
    auto part = out.select(1, i);
    at::mm_out(part, second[i], dealt.select(1, i));
  }
  return out.flatten(0, 1).t();
}

/// The matrix with these blocks on its diagonal: blocks: [b, out, in]; returns [b * out, b * in].
at::Tensor block_diagonal(const at::Tensor& blocks) { return at::block_diag(blocks.unbind(0)); }

/// The nearest matrix with orthonormal rows or columns, of each block.
at::Tensor orthogonal(const at::Tensor& blocks) {
  const auto [u, s, v] = at::linalg_svd(blocks, /*full_matrices=*/false);
  return at::matmul(u, v);
}

}  // namespace

void StructureOptions::check(int64_t in, int64_t out) const {
  if (method == "lowrank") {
    require(rank >= 1 && rank <= std::min(in, out), "rank ({}) must be 1 to {}", rank, std::min(in, out));
    return;
  }
  require(in % blocks == 0, "nblocks ({}) must divide {}", blocks, in);
  require(method != "blockshuffle" || out % blocks == 0, "nblocks ({}) must divide {}", blocks, out);
  require(method == "blockshuffle" || (rank >= 1 && rank % blocks == 0),
          "rank ({}) must be a multiple of nblocks ({})", rank, blocks);
}

StructuredLinear::StructuredLinear(const StructureOptions& options, int64_t in, int64_t out, bool with_bias)
    : options_(options), in_(in), out_(out) {
  options.check(in, out);
  const int64_t b = options.blocks;
  if (options.method == "lowrank") {
    first_ = register_parameter("lr1", at::empty({options.rank, in}));
    second_ = register_parameter("lr2", at::empty({out, options.rank}));
  } else if (options.method == "blockdense") {
    first_ = register_parameter("blkdiag", at::empty({b, options.rank / b, in / b}));
    second_ = register_parameter("lr", at::empty({out, options.rank}));
  } else {
    // The smaller of in and out is the width between the two.
    const int64_t between = std::min(in, out) / b;
    first_ = register_parameter("blkdiag1", at::empty({b, between, in / b}));
    second_ = register_parameter("blkdiag2", at::empty({b, out / b, between}));
  }
  if (with_bias) bias_ = register_parameter("bias", at::empty({out}));
}

at::Tensor StructuredLinear::structured(const at::Tensor& x, const at::Tensor& bias,
                                        kernels::Activation after) const {
  if (options_.method == "lowrank")
    return kernels::linear(kernels::linear(x, first_, {}), second_, bias, after);
  if (options_.method == "blockdense")
    return kernels::linear(by_blocks(x, first_).flatten(-2), second_, bias, after);
  const auto y = shuffled(x);
  return kernels::activate(bias.defined() ? y + bias : y, after);
}

at::Tensor StructuredLinear::shuffled(const at::Tensor& x) const {
  if (!at::GradMode::is_enabled()) {
    auto sizes = x.sizes().vec();
    sizes.back() = out_;
    return shuffled_by_columns(x.reshape({-1, in_}), first_, second_).view(sizes);
  }
  const int64_t b = options_.blocks, between = first_.size(1);
  const auto middle = by_blocks(x, first_).flatten(-2);
  const auto dealt = middle.unflatten(-1, {between, b}).transpose(-2, -1).flatten(-2);
  return by_blocks(dealt, second_).transpose(-2, -1).flatten(-2);
}

at::Tensor StructuredLinear::map(const at::Tensor& x, kernels::Activation after) const {
  const double share = is_training() && skips_guide_ ? 0.0 : guide_share();
  if (share > 0.0) {
    const auto y =
        share * kernels::linear(x, guide_, {}) + (1.0 - share) * structured(x, {}, kernels::Activation::none);
    return kernels::activate(bias_.defined() ? y + bias_ : y, after);
  }
  const bool few = !is_training() && x.numel() / in_ <= kFewTokens && !at::GradMode::is_enabled();
  if (!few) return structured(x, bias_, after);
  if (!merged_.defined()) merged_ = merged();
  return kernels::linear(x, merged_, bias_, after);
}

at::Tensor StructuredLinear::merged() const {
  return structured(at::eye(in_, first_.options()), {}, kernels::Activation::none).t().contiguous();
}

void StructuredLinear::train(bool on) {
  merged_ = at::Tensor();
  torch::nn::Module::train(on);
}

void StructuredLinear::initialise(const StructureInit& init) {
  const torch::NoGradGuard no_grad;
  const auto fill = [&](at::Tensor weight) {
    return weight.normal_(
        0.0, init.xavier ? 1.0 / std::sqrt(static_cast<double>(weight.size(-1))) : init.deviation);
  };
  fill(first_);
  fill(second_);
  if (runtime::weights_are_deferred()) {
    // There is nothing to factorise.
  } else if (init.post_init == "svd" && options_.method == "lowrank") {
    factorise(fill(at::empty({out_, in_})));
  } else if (init.post_init == "ortho" && options_.method != "lowrank") {
    first_.copy_(orthogonal(first_));
    second_.copy_(orthogonal(second_));
  }
  if (bias_.defined()) bias_.zero_();
  if (!guide_.defined()) return;
  guide_.copy_(options_.method == "blockshuffle" ? at::matmul(block_diagonal(second_), block_diagonal(first_))
                                                 : merged());
  set_guide(1.0);
}

void StructuredLinear::factorise(const at::Tensor& weight, const at::Tensor& bias) {
  if (options_.method != "lowrank") throw std::logic_error("a dense weight is factorised for lowrank alone");
  const torch::NoGradGuard no_grad;
  const auto [u, s, v] = at::linalg_svd(weight, /*full_matrices=*/false);
  const auto roots = s.narrow(0, 0, options_.rank).sqrt();
  first_.copy_(roots.unsqueeze(1) * v.narrow(0, 0, options_.rank));
  second_.copy_(u.narrow(1, 0, options_.rank) * roots);
  if (bias_.defined() && bias.defined()) bias_.copy_(bias);
  merged_ = at::Tensor();
}

void StructuredLinear::add_guide() {
  guide_ = register_parameter("guide_linear", at::empty({out_, in_}));
  count_ = register_buffer("count", at::zeros({}, at::kLong));
  ratio_ = register_buffer("ratio", at::ones({}));
}

void StructuredLinear::set_guide(double share, int64_t steps) {
  if (!ratio_.defined() && share == 0.0) return;
  ratio_.fill_(share);
  count_.fill_(steps);
}

double StructuredLinear::guide_share() const { return ratio_.defined() ? ratio_.item<double>() : 0.0; }

}  // namespace arzoo::nn
