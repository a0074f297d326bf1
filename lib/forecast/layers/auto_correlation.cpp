#include "forecast/layers/auto_correlation.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/delayed_sum.h"
#include "kernels/lag_scores.h"

namespace arzoo::forecast {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The lags that a series is mixed by: delays [B, k] int64, by falling score, and weights [B, k] float.
struct Lags {
  at::Tensor delays, weights;
};

Lags best_lags(const at::Tensor& queries, const at::Tensor& keys, int64_t count, bool shared) {
  const auto scores = kernels::lag_scores(queries, keys);
  const auto delays = shared ? std::get<1>(scores.mean(0).topk(count)).expand({scores.size(0), -1})
                             : std::get<1>(scores.topk(count, 1));
  return {delays.contiguous(), at::softmax(scores.gather(1, delays), 1)};
}

at::Tensor mixed(const at::Tensor& values, const Lags& lags, int64_t length) {
  return kernels::delayed_sum(values.narrow(1, 0, std::min(length, values.size(1))), lags.delays,
                              lags.weights, length, length);
}

/// Appends zero rows: what lies beyond the queries' length has no part in the result.
at::Tensor with_rows(const at::Tensor& x, int64_t rows) {
  return x.size(1) == rows ? x : at::constant_pad_nd(x, {0, 0, 0, rows - x.size(1)});
}

struct AutoCorrelationFunction : torch::autograd::Function<AutoCorrelationFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& queries, const at::Tensor& keys,
                            const at::Tensor& values, const at::Tensor& delays, const at::Tensor& weights) {
    context->save_for_backward({queries, keys, values, delays, weights});
    return mixed(values, {delays, weights}, queries.size(1));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto &queries = saved[0], &keys = saved[1], &values = saved[2], &delays = saved[3],
               &weights = saved[4];
    const int64_t length = queries.size(1), there = std::min(length, keys.size(1));
    const auto gradient = gradients[0].to(values.scalar_type());
    const auto back = (length - delays).remainder(length);
    const auto of_weights = kernels::delayed_products(gradient, values.narrow(1, 0, there), delays, length);
    // Through the softmax and the mean over the channels.
    const auto of_scores =
        weights * (of_weights - (weights * of_weights).sum(1, true)) / static_cast<double>(queries.size(2));
    return {kernels::delayed_sum(keys.narrow(1, 0, there), back, of_scores, length, length),
            with_rows(kernels::delayed_sum(queries, delays, of_scores, length, there), keys.size(1)),
            with_rows(kernels::delayed_sum(gradient, back, weights, length, there), values.size(1)),
            at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor AutoCorrelation::forward(const at::Tensor& queries, const at::Tensor& keys,
                                    const at::Tensor& values, const Pass& pass) {
  const auto q = queries.flatten(2), k = keys.flatten(2), v = values.flatten(2);
  const int64_t length = q.size(1);
  const auto wanted =
      static_cast<int64_t>(static_cast<double>(factor_) * std::log(static_cast<double>(length)));
  const auto lags = best_lags(q.detach(), k.detach(), std::min(wanted, length), is_training());
  if (pass.trace != nullptr) {
    pass.trace->emplace_back("delays." + name_ + ".inner_correlation",
                             is_training() ? lags.delays[0] : lags.delays);
  }
  const auto out = at::GradMode::is_enabled()
                       ? AutoCorrelationFunction::apply(q, k, v, lags.delays, lags.weights)
                       : mixed(v, lags, length);
  return out.view(queries.sizes());
}

}  // namespace arzoo::forecast
