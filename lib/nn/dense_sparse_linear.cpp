#include "nn/dense_sparse_linear.h"

#include <torch/torch.h>

#include "core/config.h"
#include "runtime/deferred_weights.h"

namespace arzoo::nn {

void DenseSparseSizes::check(int64_t in, int64_t out) const {
  require(in % blocks == 0, "ds_blocks ({}) must divide {}", blocks, in);
  require(rank <= std::min(in / blocks, out), "ds_rank ({}) must be at most {}", rank,
          std::min(in / blocks, out));
  require(nonzeros <= rank, "ds_nonzeros ({}) must be at most ds_rank ({})", nonzeros, rank);
}

DenseSparseLinear::DenseSparseLinear(const DenseSparseSizes& sizes, int64_t in, int64_t out, bool with_bias)
    : sizes_(sizes) {
  sizes.check(in, out);
  sparse_ = register_parameter("sparse", at::empty({sizes.blocks, out, sizes.rank}));
  dense_ = register_parameter("dense", at::empty({sizes.blocks, sizes.rank, in / sizes.blocks}));
  if (with_bias) bias_ = register_parameter("bias", at::empty({out}));
}

at::Tensor DenseSparseLinear::masked() const {
  const auto kept = std::get<1>(sparse_.detach().abs().topk(sizes_.nonzeros, -1));
  const auto mask = at::zeros_like(sparse_).scatter(-1, kept, 1.0);
  // The value of the masked factor with the gradient of the whole one.
  return sparse_ + (sparse_ * mask - sparse_).detach();
}

at::Tensor DenseSparseLinear::map(const at::Tensor& x, kernels::Activation after) const {
  const auto slices = x.unflatten(-1, {sizes_.blocks, dense_.size(2)});         // [..., b, in / b]
  const auto low = at::matmul(slices.unsqueeze(-2), dense_.transpose(-2, -1));  // [..., b, 1, r]
  auto y = at::matmul(low, masked().transpose(-2, -1)).squeeze(-2).sum(-2);     // [..., out]
  if (bias_.defined()) y = y + bias_;
  return kernels::activate(y, after);
}

at::Tensor DenseSparseLinear::product() const {
  return at::matmul(masked(), dense_).transpose(0, 1).flatten(1);  // [out, b * in / b]
}

std::pair<at::Tensor, at::Tensor> DenseSparseLinear::kept() const {
  const auto largest = std::get<1>(sparse_.detach().abs().topk(sizes_.nonzeros, -1));
  const auto columns = std::get<0>(largest.sort(-1));
  return {columns, sparse_.detach().gather(-1, columns)};
}

void DenseSparseLinear::factorise(const at::Tensor& weight, const at::Tensor& bias) {
  const torch::NoGradGuard no_grad;
  const auto slices =
      weight.unflatten(1, {sizes_.blocks, dense_.size(2)}).transpose(0, 1);  // [b, out, in / b]
  const auto [u, s, v] = at::linalg_svd(slices, /*full_matrices=*/false);
  const auto roots = s.narrow(-1, 0, sizes_.rank).sqrt();
  sparse_.copy_(u.narrow(-1, 0, sizes_.rank) * roots.unsqueeze(-2));
  dense_.copy_(roots.unsqueeze(-1) * v.narrow(-2, 0, sizes_.rank));
  if (bias_.defined()) bias_.copy_(bias);
}

void DenseSparseLinear::initialise(double deviation) {
  if (runtime::weights_are_deferred()) return;
  const torch::NoGradGuard no_grad;
  const int64_t out = sparse_.size(1), in = dense_.size(0) * dense_.size(2);
  factorise(at::empty({out, in}).normal_(0.0, deviation), at::zeros({out}));
}

}  // namespace arzoo::nn
