#include "forecast/prob_sparse_attention.h"

#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "forecast/sparsity.h"

namespace arzoo::forecast {
namespace {

/// factor * ceil(ln length), at most length.
int64_t logarithmic_count(int64_t factor, int64_t length) {
  return std::min(factor * static_cast<int64_t>(std::ceil(std::log(static_cast<double>(length)))), length);
}

/// top: [B, H, u] → index of whole rows [B, H, u, E].
at::Tensor row_index(const at::Tensor& top, int64_t width) {
  return top.unsqueeze(3).expand({-1, -1, -1, width});
}

}  // namespace

at::Tensor ProbSparseAttention::kept_queries(const at::Tensor& queries, const at::Tensor& keys,
                                             const Pass& pass) const {
  const int64_t length = queries.size(2), there = keys.size(2);
  Draws fresh;
  auto& draws = pass.draws != nullptr ? *pass.draws : fresh;
  const auto sample = draws
                          .integers("index_sample." + name_ + ".inner_attention", there,
                                    {length, logarithmic_count(factor_, there)})
                          .to(queries.device());
  const auto measure = sparsity(queries.detach(), keys.detach(), sample);
  const auto top = std::get<1>(measure.topk(logarithmic_count(factor_, length), -1, true, /*sorted=*/false));
  if (pass.trace != nullptr) {
    pass.trace->emplace_back("topq." + name_ + ".inner_attention", std::get<0>(top.sort(-1)));
  }
  return top;
}

at::Tensor ProbSparseAttention::forward(const at::Tensor& queries, const at::Tensor& keys,
                                        const at::Tensor& values, const Pass& pass) {
  const auto q = queries.transpose(1, 2), k = keys.transpose(1, 2), v = values.transpose(1, 2);
  const int64_t length = q.size(2), width = q.size(3);
  const auto top = kept_queries(q, k, pass);
  const double scale = 1.0 / std::sqrt(static_cast<double>(width));
  auto scores = at::matmul(q.gather(2, row_index(top, width)), k.transpose(2, 3)) * scale;
  if (causal_) {
    const auto future = at::arange(k.size(2), top.options()).gt(top.unsqueeze(3));
    scores = scores.masked_fill(future, -std::numeric_limits<double>::infinity());
  }
  const auto rows = at::matmul(at::softmax(scores, -1), v).to(v.scalar_type());
  const auto index = row_index(top, v.size(3));
  // Laid out as the layer reads it, so that nothing is copied again.
  if (order_ == HeadOrder::mixed) {
    const auto context = causal_ ? v.cumsum(2) : v.mean(2, true).expand({-1, -1, length, -1});
    return context.scatter(2, index, rows).transpose(1, 2);
  }
  const auto context = causal_ ? values.cumsum(1) : values.mean(1, true).expand({-1, length, -1, -1});
  return context.scatter(1, index.transpose(1, 2), rows.transpose(1, 2));
}

}  // namespace arzoo::forecast
