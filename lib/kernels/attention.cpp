#include "kernels/attention.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/dropout.h"
#include "kernels/few_queries_attention.h"
#include "kernels/fused_attention.h"

namespace arzoo::kernels {

at::Tensor causal_bias(int64_t queries, int64_t keys, const at::Tensor& attention_mask,
                       const at::TensorOptions& options) {
  const auto masked = options.dtype(at::kBool);
  auto hidden = at::ones({queries, keys}, masked).triu(keys - queries + 1).view({1, 1, queries, keys});
  if (attention_mask.defined()) hidden = hidden.logical_or(attention_mask.eq(0).view({-1, 1, 1, keys}));
  const auto type = c10::typeMetaToScalarType(options.dtype());
  const auto lowest = type == at::kBFloat16
                          ? static_cast<double>(std::numeric_limits<c10::BFloat16>::lowest())
                      : type == at::kHalf ? static_cast<double>(std::numeric_limits<c10::Half>::lowest())
                                          : static_cast<double>(std::numeric_limits<float>::lowest());
  return at::zeros(hidden.sizes(), options).masked_fill(hidden, lowest / 2);
}

namespace {

double scale_of(const AttentionMode& mode, const at::Tensor& q) {
  return mode.scale > 0.0 ? mode.scale : 1.0 / std::sqrt(static_cast<double>(q.size(-1)));
}

/// Training in bf16 on a CPU, where LibTorch's fused backward pass takes five times as long as in fp32.
bool is_faster_in_fp32(const at::Tensor& q) {
  return q.is_cpu() && q.scalar_type() == at::kBFloat16 && at::GradMode::is_enabled() && q.requires_grad();
}

}  // namespace

at::Tensor attention_weights(const at::Tensor& q, const at::Tensor& k, const AttentionMode& mode) {
  auto scores = at::matmul(q * scale_of(mode, q), k.transpose(-2, -1));
  if (mode.causal) {
    const auto future =
        at::ones({q.size(-2), k.size(-2)}, q.options().dtype(at::kBool)).triu(1 + k.size(-2) - q.size(-2));
    scores = scores.masked_fill(future, -std::numeric_limits<double>::infinity());
  }
  if (mode.bias.defined()) scores = scores + mode.bias;
  return at::softmax(scores, -1);
}

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const AttentionMode& mode) {
  const double p = mode.training ? mode.dropout : 0.0;
  // The fused CPU kernel knows no dropout; LibTorch's fallback would generate its mask with the slow
  // sequential generator.
  if (p > 0.0) return at::matmul(kernels::dropout(attention_weights(q, k, mode), p, true), v);
  if (is_faster_in_fp32(q)) {
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    auto wide = mode;
    if (wide.bias.defined()) wide.bias = wide.bias.to(at::kFloat);
    return attention(q.to(at::kFloat), k.to(at::kFloat), v.to(at::kFloat), wide).to(at::kBFloat16);
  }
  const double scale = scale_of(mode, q);
  if (mode.bias.defined()) return at::scaled_dot_product_attention(q, k, v, mode.bias, 0.0, false, scale);
  const bool causal = mode.causal && q.size(-2) > 1;  // the last query sees everything
  if (fits_few_queries(q, k, v, causal)) return few_queries_attention(q, k, v, {causal, scale});
  if (fits_fused_attention(q, k, v)) return fused_attention(q, k, v, {causal, scale});
  // LibTorch's own causal form lets the first query see the first key, whatever went before.
  if (causal && q.size(-2) != k.size(-2)) {
    const auto bias = causal_bias(q.size(-2), k.size(-2), {}, q.options());
    return at::scaled_dot_product_attention(q, k, v, bias, 0.0, false, scale);
  }
  return at::scaled_dot_product_attention(q, k, v, {}, 0.0, causal, scale);
}

}  // namespace arzoo::kernels
