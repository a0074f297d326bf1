#include "forecast/layers/prob_sparse_attention.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/sparse_context.h"
#include "kernels/sparsity_scores.h"

namespace arzoo::forecast {
namespace {

/// factor * ceil(ln length), at most length.
int64_t logarithmic_count(int64_t factor, int64_t length) {
  return std::min(factor * static_cast<int64_t>(std::ceil(std::log(static_cast<double>(length)))), length);
}

}  // namespace

at::Tensor ProbSparseAttention::kept_queries(const at::Tensor& queries, const at::Tensor& keys,
                                             const Pass& pass) const {
  const int64_t length = queries.size(2), there = keys.size(2);
  RandomInputs fresh;
  auto& random_inputs = pass.random_inputs != nullptr ? *pass.random_inputs : fresh;
  const auto sample = random_inputs
                          .integers("index_sample." + name_ + ".inner_attention", there,
                                    {length, logarithmic_count(factor_, there)})
                          .to(queries.device());
  const auto measure = kernels::sparsity(queries.detach(), keys.detach(), sample);
  const auto top = std::get<1>(measure.topk(logarithmic_count(factor_, length), -1, true, /*sorted=*/false));
  if (pass.trace != nullptr) {
    pass.trace->emplace_back("topq." + name_ + ".inner_attention", std::get<0>(top.sort(-1)));
  }
  return top;
}

at::Tensor ProbSparseAttention::forward(const at::Tensor& queries, const at::Tensor& keys,
                                        const at::Tensor& values, const Pass& pass) {
  const auto q = queries.transpose(1, 2), k = keys.transpose(1, 2), v = values.transpose(1, 2);
  return kernels::sparse_context(q, k, v, kept_queries(q, k, pass), causal_, order_);
}

}  // namespace arzoo::forecast
