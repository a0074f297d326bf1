#include "nn/fused_attention.h"

#include <torch/torch.h>

#include <cmath>
#include <vector>

#include "nn/clones.h"
#include "nn/heads.h"
#include "nn/lanes.h"
#include "nn/parallel.h"

namespace arzoo::nn {
namespace {

constexpr int64_t kFewKeys = 128;      // LibTorch's kernel loses to any other
constexpr int64_t kMostCausal = 1024;  // beyond, it leaves out the future too, block by block
constexpr int64_t kMostCached = 4096;  // a head's keys and values stay in the processor's cache
constexpr int64_t kWidest = 256;
constexpr int64_t kRows = 4;         // queries at a time: their sums fit the registers
constexpr int64_t kGrain = 1 << 17;  // multiply-adds that are worth a thread

struct Sizes {
  int64_t queries, keys, width;
  int64_t queries_padded, keys_padded, width_padded;  // to whole blocks and vectors
  bool causal;

  /// Keys that query i sees.
  int64_t seen(int64_t i) const {
    return causal ? std::clamp<int64_t>(keys - queries + i + 1, 1, keys) : keys;
  }
};

/// The sums of kRows rows of factors over `columns` columns, two vectors of them at a time.
inline void weigh(const float* factors, int64_t factor_step, const float* rows, int64_t count, int64_t step,
                  int64_t columns, float* out, int64_t out_step) {
  int64_t j = 0;
  for (; j + 2 * kLanes <= columns; j += 2 * kLanes)
    weighted_sums<kRows, 2>(factors, factor_step, rows + j, count, step, out + j, out_step);
  if (j < columns) weighted_sums<kRows, 1>(factors, factor_step, rows + j, count, step, out + j, out_step);
}

/// One head, all in fp32. q: [queries_padded, E] scaled; kt: [E, keys_padded]; v: [keys, width_padded]; out:
/// [queries_padded, width_padded]; p: [kRows, keys_padded] scratch.
ARZOO_CLONES void attend(const float* q, const float* kt, const float* v, float* out, float* p, Sizes s) {
  for (int64_t i = 0; i < s.queries_padded; i += kRows) {
    const int64_t most = s.seen(std::min(i + kRows, s.queries) - 1);
    weigh(q + i * s.width, s.width, kt, s.width, s.keys_padded, whole_vectors(most), p, s.keys_padded);
    for (int64_t row = 0; row < kRows; ++row) {
      const int64_t seen = std::min(most, s.seen(i + row));
      softmax(p + row * s.keys_padded, seen);
      for (int64_t j = seen; j < most; ++j) p[row * s.keys_padded + j] = 0.0F;
    }
    weigh(p, s.keys_padded, v, most, s.width_padded, s.width_padded, out + i * s.width_padded,
          s.width_padded);
  }
}

/// The rows of a head as columns, `stride` numbers long.
template <class Scalar>
void copy_transposed(const Scalar* from, const HeadSize& size, float* out, int64_t stride) {
  for (int64_t i = 0; i < size.rows; ++i) {
    for (int64_t e = 0; e < size.width; ++e)
      out[e * stride + i] = static_cast<float>(from[i * size.step + e]);
  }
}

Sizes sizes_of(const at::Tensor& q, const at::Tensor& k, bool causal) {
  const int64_t queries = q.size(2), keys = k.size(2), width = q.size(3);
  return {
      queries, keys, width, (queries + kRows - 1) / kRows * kRows, whole_vectors(keys), whole_vectors(width),
      causal};
}

template <class Scalar>
at::Tensor run(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal) {
  const int64_t batch = q.size(0), heads = q.size(1);
  const auto s = sizes_of(q, k, causal);
  auto out = at::empty({batch, s.queries, heads, s.width}, q.options());
  const Heads<Scalar> queries(q), keys(k), values(v);
  auto* result = out.mutable_data_ptr<Scalar>();
  const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(s.width)));
  const int64_t work = s.queries * s.keys_padded * s.width_padded;
  parallel_for(batch * heads, std::max<int64_t>(1, kGrain / work), [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(s.queries_padded * (s.width + s.width_padded) + s.width * s.keys_padded +
                               s.keys * s.width_padded + kRows * s.keys_padded);
    float* const qs = scratch.data();
    float* const kt = qs + s.queries_padded * s.width;
    float* const vs = kt + s.width * s.keys_padded;
    float* const mixed = vs + s.keys * s.width_padded;
    float* const p = mixed + s.queries_padded * s.width_padded;
    for (int64_t index = begin; index < end; ++index) {
      const int64_t b = index / heads, h = index % heads;
      copy_rows(queries.row(b, h), {s.queries, s.width, queries.step}, scale, qs, s.width);
      copy_transposed(keys.row(b, h), {s.keys, s.width, keys.step}, kt, s.keys_padded);
      copy_rows(values.row(b, h), {s.keys, s.width, values.step}, 1.0F, vs, s.width_padded);
      attend(qs, kt, vs, mixed, p, s);
      store_rows(mixed, s.width_padded, {s.queries, s.width, heads * s.width},
                 result + (b * s.queries * heads + h) * s.width);
    }
  });
  return out.transpose(1, 2);
}

}  // namespace

bool fits_fused_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal) {
  const bool type = q.scalar_type() == at::kFloat || q.scalar_type() == at::kBFloat16;
  const bool inference =
      !at::GradMode::is_enabled() || !(q.requires_grad() || k.requires_grad() || v.requires_grad());
  const bool cpu = type && inference && q.is_cpu() && q.dim() == 4 && q.size(3) <= kWidest &&
                   q.stride(3) == 1 && k.stride(3) == 1 && v.stride(3) == 1;
  const int64_t keys = k.size(2);
  const int64_t most = !causal ? kFewKeys : q.size(2) == keys ? kMostCausal : kMostCached;
  return cpu && keys <= most;
}

at::Tensor fused_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal) {
  return q.scalar_type() == at::kFloat ? run<float>(q, k, v, causal) : run<at::BFloat16>(q, k, v, causal);
}

}  // namespace arzoo::nn
