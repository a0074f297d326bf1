#include "nn/value_embeddings.h"

#include <torch/torch.h>

namespace arzoo::nn {

at::Tensor with_value_embeddings(const at::Tensor& v, const at::Tensor& gates, const at::Tensor& rows) {
  const int64_t heads = v.size(1);
  const auto g = 2.0 * at::sigmoid(gates.unflatten(-1, {heads, gates.size(-1) / heads}));  // [B, T, G, M + 1]
  const auto own = g.select(-1, 0).transpose(1, 2).unsqueeze(-1) * v;
  if (!rows.defined()) return own;
  const auto shares = g.narrow(-1, 1, rows.size(2)).permute({0, 1, 3, 2}).unsqueeze(-1);  // [B, T, M, G, 1]
  return own + (shares * rows).sum(2).transpose(1, 2);
}

}  // namespace arzoo::nn
