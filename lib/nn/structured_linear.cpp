#include "nn/structured_linear.h"

#include <torch/torch.h>

#include <cmath>

#include "core/config.h"

namespace arzoo::nn {
namespace {

// Up to so many tokens one dense product takes less time than two of the factors.
constexpr int64_t kFewTokens = 16;

/// x: [..., b * in]; blocks: [b, out, in]; returns [..., b, out].
at::Tensor by_blocks(const at::Tensor& x, const at::Tensor& blocks) {
  const int64_t count = blocks.size(0), in = blocks.size(2);
  const auto rows = x.reshape({-1, count, in}).transpose(0, 1);  // [b, N, in]
  auto sizes = x.sizes().vec();
  sizes.back() = count;
  sizes.push_back(blocks.size(1));
  return at::bmm(rows, blocks.transpose(1, 2)).transpose(0, 1).reshape(sizes);
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
  require(in % blocks == 0 && out % blocks == 0, "nblocks ({}) must divide {} and {}", blocks, in, out);
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

at::Tensor StructuredLinear::structured(const at::Tensor& x) const {
  if (options_.method == "lowrank") return kernels::linear(kernels::linear(x, first_, {}), second_, {});
  const auto blocks = by_blocks(x, first_);  // [..., b, q]
  if (options_.method == "blockdense") return kernels::linear(blocks.flatten(-2), second_, {});
  const int64_t b = options_.blocks, between = first_.size(1);
  const auto dealt = blocks.flatten(-2).unflatten(-1, {between, b}).transpose(-2, -1).flatten(-2);
  return by_blocks(dealt, second_).transpose(-2, -1).flatten(-2);
}

at::Tensor StructuredLinear::map(const at::Tensor& x, kernels::Activation after) const {
  if (!is_training() && guide_share_ == 0.0 && x.numel() / in_ <= kFewTokens && !at::GradMode::is_enabled()) {
    if (!merged_.defined()) merged_ = merged();
    return kernels::linear(x, merged_, bias_, after);
  }
  auto y = structured(x);
  if (guide_share_ > 0.0)
    y = guide_share_ * kernels::linear(x, guide_, {}) + (1.0 - guide_share_) * y;
  if (bias_.defined()) y = y + bias_;
  return kernels::activate(y, after);
}

at::Tensor StructuredLinear::merged() const {
  return structured(at::eye(in_, first_.options())).t().contiguous();
}

void StructuredLinear::train(bool on) {
  merged_ = at::Tensor();
  torch::nn::Module::train(on);
}

void StructuredLinear::initialise() {
  const torch::NoGradGuard no_grad;
  constexpr double kDeviation = 0.02;
  if (options_.method == "lowrank") {
    const auto [u, s, v] = at::linalg_svd(at::empty({out_, in_}).normal_(0.0, kDeviation), false);
    const auto roots = s.narrow(0, 0, options_.rank).sqrt();
    first_.copy_(roots.unsqueeze(1) * v.narrow(0, 0, options_.rank));
    second_.copy_(u.narrow(1, 0, options_.rank) * roots);
  } else {
    first_.copy_(orthogonal(first_.normal_(0.0, kDeviation)));
    second_.copy_(orthogonal(second_.normal_(0.0, kDeviation)));
  }
  if (bias_.defined()) bias_.zero_();
  if (!guide_.defined()) return;
  guide_.copy_(options_.method == "blockshuffle" ? at::matmul(block_diagonal(second_), block_diagonal(first_))
                                                 : merged());
}

void StructuredLinear::add_guide() {
  guide_ = register_parameter("guide_linear", at::empty({out_, in_}));
}

}  // namespace arzoo::nn
