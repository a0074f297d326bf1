#include "kernels/few_queries_attention.h"

#include <torch/torch.h>

#include <vector>

#include "kernels/flop_counter.h"
#include "kernels/head_rows.h"
#include "kernels/multiversion.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"

namespace arzoo::kernels {
namespace {

constexpr int64_t kFewQueries = 8, kFewDrafts = 32;
constexpr int64_t kHeadGrain = 1 << 15;  // multiply-adds that are worth a thread

/// One query and the keys and values that it sees.
template <class Scalar>
struct FewQuery {
  const float* q;  ///< scaled
  const Scalar *k, *v;
  int64_t key_step, value_step, keys, width;
};

/// kLanes partial sums to one, in the order of a tree.
ARZOO_INTO_CLONES float tree_sum(float* sums) {
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  }
  return sums[0];
}

/// p: room for whole_vectors(keys); out: [width].
template <class Scalar>
ARZOO_INTO_CLONES void attend_to(const FewQuery<Scalar>& one, float* p, float* out) {
  const int64_t whole = one.width / kLanes * kLanes;
  for (int64_t j = 0; j < one.keys; ++j) {
    const Scalar* const key = one.k + j * one.key_step;
    float sums[kLanes] = {};
    for (int64_t e = 0; e < whole; e += kLanes) {
      for (int64_t lane = 0; lane < kLanes; ++lane)
        sums[lane] += one.q[e + lane] * static_cast<float>(key[e + lane]);
    }
    float sum = 0.0F;
    for (int64_t e = whole; e < one.width; ++e) sum += one.q[e] * static_cast<float>(key[e]);
    p[j] = tree_sum(sums) + sum;
  }
  softmax(p, one.keys);
  int64_t e = 0;
  for (; e + 2 * kLanes <= one.width; e += 2 * kLanes) {
    float sums[2 * kLanes] = {};
    for (int64_t j = 0; j < one.keys; ++j) {
      const Scalar* const value = one.v + j * one.value_step + e;
      for (int64_t lane = 0; lane < 2 * kLanes; ++lane) sums[lane] += p[j] * static_cast<float>(value[lane]);
    }
    for (int64_t lane = 0; lane < 2 * kLanes; ++lane) out[e + lane] = sums[lane];
  }
  for (; e < one.width; ++e) {
    float sum = 0.0F;
    for (int64_t j = 0; j < one.keys; ++j) sum += p[j] * static_cast<float>(one.v[j * one.value_step + e]);
    out[e] = sum;
  }
}

ARZOO_CLONES void attend_query(const FewQuery<float>& one, float* p, float* out) { attend_to(one, p, out); }
ARZOO_CLONES void attend_query(const FewQuery<at::BFloat16>& one, float* p, float* out) {
  attend_to(one, p, out);
}

template <class Scalar>
at::Tensor run_few_queries(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const FusedMode& mode) {
  const int64_t batch = q.size(0), heads = q.size(1), queries = q.size(2), width = q.size(3);
  const int64_t keys = k.size(2);
  auto out = at::empty({batch, queries, heads, width}, q.options());
  if (out.numel() == 0) return out.transpose(1, 2);
  const auto seen = [&](int64_t i) {
    return mode.causal ? std::clamp<int64_t>(keys - queries + i + 1, 1, keys) : keys;
  };
  double pairs = 0.0;
  for (int64_t i = 0; i < queries; ++i) pairs += static_cast<double>(seen(i));
  count_flops(4.0 * pairs * static_cast<double>(batch * heads * width));
  const Heads<Scalar> query_heads(q), key_heads(k), value_heads(v);
  auto* to = out.mutable_data_ptr<Scalar>();
  const int64_t work = 2 * queries * keys * width;
  parallel_for(
      batch * heads, std::max<int64_t>(1, kHeadGrain / std::max<int64_t>(work, 1)),
      [&](int64_t begin, int64_t end) {
        std::vector<float> scaled(width), p(whole_vectors(keys)), sums(width);
        for (int64_t index = begin; index < end; ++index) {
          const int64_t b = index / heads, h = index % heads;
          for (int64_t i = 0; i < queries; ++i) {
            copy_rows(query_heads.row(b, h) + i * query_heads.step, {1, width, width},
                      static_cast<float>(mode.scale), scaled.data(), width);
            attend_query(FewQuery<Scalar>{scaled.data(), key_heads.row(b, h), value_heads.row(b, h),
                                          key_heads.step, value_heads.step, seen(i), width},
                         p.data(), sums.data());
            store_rows(sums.data(), width, {1, width, width}, to + ((b * queries + i) * heads + h) * width);
          }
        }
      });
  return out.transpose(1, 2);
}

}  // namespace

bool fits_few_queries(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal) {
  const int64_t queries = q.size(2);
  const bool generates = causal && k.size(2) > queries;
  return queries <= (generates ? kFewDrafts : kFewQueries) && fits_own_attention(q, k, v);
}

at::Tensor few_queries_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                 const FusedMode& mode) {
  return q.scalar_type() == at::kFloat ? run_few_queries<float>(q, k, v, mode)
                                       : run_few_queries<at::BFloat16>(q, k, v, mode);
}

}  // namespace arzoo::kernels
