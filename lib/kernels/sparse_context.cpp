#include "kernels/sparse_context.h"

#include <torch/torch.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/flop_counter.h"
#include "kernels/head_rows.h"
#include "kernels/multiversion.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"

namespace arzoo::kernels {
namespace {

constexpr int64_t kContextGrain = 1 << 16;  // multiply-adds that are worth a thread

struct Sizes {
  int64_t length, keys, width, kept;
  int64_t width_padded;  // to whole vectors
  bool causal;
};

/// The rows of queries that were not selected. v: [keys, width_padded]; out: [length, width_padded].
ARZOO_CLONES void fill_context(const float* v, float* out, const Sizes& s) {
  const int64_t width = s.width_padded;
  std::vector<float> sum(static_cast<std::size_t>(width));
  for (int64_t t = 0; t < s.keys; ++t) {
    for (int64_t e = 0; e < width; ++e) sum[e] += v[t * width + e];
    for (int64_t e = 0; s.causal && e < width; ++e) out[t * width + e] = sum[e];
  }
  if (s.causal) return;
  for (int64_t e = 0; e < width; ++e) sum[e] /= static_cast<float>(s.keys);
  for (int64_t t = 0; t < s.length; ++t) {
    for (int64_t e = 0; e < width; ++e) out[t * width + e] = sum[e];
  }
}

/// The selected rows. q: [length, width] scaled; k: [keys, width]; p: scratch for a row of scores.
ARZOO_CLONES void attend_kept(const float* q, const float* k, const float* v, const int64_t* top, float* p,
                              float* out, const Sizes& s) {
  for (int64_t i = 0; i < s.kept; ++i) {
    const int64_t row = top[i], seen = s.causal ? row + 1 : s.keys;
    for (int64_t j = 0; j < seen; ++j) p[j] = kernels::dot(q + row * s.width, k + j * s.width, s.width);
    kernels::softmax(p, seen);
    for (int64_t e = 0; e < s.width_padded; e += kLanes)
      weighted_sum(p, v + e, seen, s.width_padded, out + row * s.width_padded + e);
  }
}

/// The scores of the selected queries and their product with the values; the means and sums of the others are
/// elementwise. top: `count` of them.
double context_flops(const int64_t* top, int64_t count, const Sizes& s) {
  int64_t pairs = 0;
  for (int64_t i = 0; i < count; ++i) pairs += s.causal ? top[i] + 1 : s.keys;
  return 2.0 * static_cast<double>(pairs * (s.width + s.width));
}

template <class Scalar>
void run_context(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& top,
                 bool causal, const at::Tensor& out) {
  const int64_t heads = q.size(1), width = q.size(3);
  const Sizes s{q.size(2), k.size(2), width, top.size(2), whole_vectors(width), causal};
  const Heads<Scalar> queries(q), keys(k), values(v);
  const auto* kept = top.const_data_ptr<int64_t>();
  count_flops(context_flops(kept, top.numel(), s));
  auto* to = out.mutable_data_ptr<Scalar>();
  const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(width)));
  const int64_t work = (s.kept * s.keys + s.length) * width;
  parallel_for(
      q.size(0) * heads, std::max<int64_t>(1, kContextGrain / work), [&](int64_t begin, int64_t end) {
        std::vector<float> scratch(static_cast<std::size_t>((s.length + s.keys) * (s.width + s.width_padded) +
                                                            whole_vectors(s.keys)));
        float* const qs = scratch.data();
        float* const ks = qs + s.length * s.width;
        float* const vs = ks + s.keys * s.width;
        float* const context = vs + s.keys * s.width_padded;
        float* const p = context + s.length * s.width_padded;
        for (int64_t item = begin; item < end; ++item) {
          const int64_t b = item / heads, h = item % heads;
          copy_rows(queries.row(b, h), {s.length, width, queries.step}, scale, qs, width);
          copy_rows(keys.row(b, h), {s.keys, width, keys.step}, 1.0F, ks, width);
          copy_rows(values.row(b, h), {s.keys, width, values.step}, 1.0F, vs, s.width_padded);
          fill_context(vs, context, s);
          attend_kept(qs, ks, vs, kept + item * s.kept, p, context, s);
          store_rows(context, s.width_padded, {s.length, width, out.stride(1)},
                     to + b * out.stride(0) + h * out.stride(2));
        }
      });
}

bool takes_own_context(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const auto type = q.scalar_type();
  return !at::GradMode::is_enabled() && q.is_cpu() && (type == at::kFloat || type == at::kBFloat16) &&
         k.scalar_type() == type && v.scalar_type() == type && q.stride(3) == 1 && k.stride(3) == 1 &&
         v.stride(3) == 1 && q.numel() > 0;
}

/// [B, L, H, E] in the memory order that the layer reads.
at::Tensor empty_rows(const at::Tensor& q, HeadOrder order) {
  const int64_t batch = q.size(0), heads = q.size(1), length = q.size(2), width = q.size(3);
  return order == HeadOrder::mixed ? at::empty({batch, heads, length, width}, q.options()).transpose(1, 2)
                                   : at::empty({batch, length, heads, width}, q.options());
}

at::Tensor composed_context(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const at::Tensor& top, bool causal, HeadOrder order) {
  // top: [B, H, u] → index of whole rows [B, H, u, E].
  const auto rows = top.unsqueeze(3).expand({-1, -1, -1, q.size(3)});
  auto scores =
      at::matmul(q.gather(2, rows), k.transpose(2, 3)) * (1.0 / std::sqrt(static_cast<double>(q.size(3))));
  if (causal) {
    const auto future = at::arange(k.size(2), top.options()).gt(top.unsqueeze(3));
    scores = scores.masked_fill(future, -std::numeric_limits<double>::infinity());
  }
  const auto kept = at::matmul(at::softmax(scores, -1), v);
  const int64_t time = order == HeadOrder::mixed ? 2 : 1;
  const auto values = order == HeadOrder::mixed ? v : v.transpose(1, 2);
  auto sizes = values.sizes().vec();
  sizes[static_cast<std::size_t>(time)] = q.size(2);
  const auto context = causal ? values.cumsum(time) : values.mean(time, true).expand(sizes);
  // Under autocast a device sums in another type than it multiplies.
  const auto placed = kept.to(context.scalar_type());
  if (order == HeadOrder::mixed) return context.scatter(2, rows, placed).transpose(1, 2);
  return context.scatter(1, rows.transpose(1, 2), placed.transpose(1, 2));
}

}  // namespace

at::Tensor sparse_context(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          const at::Tensor& top, bool causal, HeadOrder order) {
  if (!takes_own_context(q, k, v)) return composed_context(q, k, v, top, causal, order);
  const auto kept = top.contiguous(), out = empty_rows(q, order);
  q.scalar_type() == at::kFloat ? run_context<float>(q, k, v, kept, causal, out)
                                : run_context<at::BFloat16>(q, k, v, kept, causal, out);
  return out;
}

}  // namespace arzoo::kernels
