#include "kernels/mesa_attention.h"

#include <torch/torch.h>

namespace arzoo::kernels {
namespace {

/// sum_{s <= t} a_s b_s^T. a, b: [B, H, T, E]; returns [B, H, T, E, E].
at::Tensor running_products(const at::Tensor& a, const at::Tensor& b) {
  return (a.unsqueeze(-1) * b.unsqueeze(-2)).cumsum(2);
}

/// What mesa_precisions inverts.
at::Tensor covariances(const at::Tensor& inputs, const at::Tensor& lambdas) {
  const auto identity = at::eye(inputs.size(-1), inputs.options());
  const auto penalty = identity / lambdas.to(inputs.scalar_type()).view({1, -1, 1, 1, 1});
  return running_products(inputs, inputs) + penalty;
}

}  // namespace

at::Tensor mesa_precisions(const at::Tensor& inputs, const at::Tensor& lambdas) {
  return at::linalg_inv(covariances(inputs, lambdas));
}

at::Tensor mesa_attention(const at::Tensor& queries, const at::Tensor& inputs, const at::Tensor& targets,
                          const at::Tensor& lambdas) {
  // LAPACK knows no 16-bit numbers, and a regression needs the precision.
  const auto x = inputs.to(at::promote_types(inputs.scalar_type(), at::kFloat)),
             y = targets.to(x.scalar_type()), q = queries.to(x.scalar_type()).unsqueeze(-1);
  const auto weights = at::linalg_solve(covariances(x, lambdas), q);
  return at::matmul(running_products(y, x), weights).squeeze(-1).to(queries.scalar_type());
}

at::Tensor linear_attention_weights(const at::Tensor& q, const at::Tensor& k) {
  return at::matmul(q, k.transpose(-2, -1)).tril();
}

at::Tensor linear_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return at::matmul(linear_attention_weights(q, k), v);
}

}  // namespace arzoo::kernels
