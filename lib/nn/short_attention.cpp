#include "nn/short_attention.h"

#include <torch/torch.h>

#include <cmath>
#include <vector>

#include "nn/clones.h"
#include "nn/heads.h"
#include "nn/lanes.h"
#include "nn/parallel.h"

namespace arzoo::nn {
namespace {

constexpr int64_t kMostKeys = 64;
constexpr int64_t kWidest = 256;
constexpr int64_t kGrain = 1 << 17;  // multiply-adds that are worth a thread

struct Sizes {
  int64_t queries, keys, width;
  int64_t keys_padded, width_padded;  // to whole vectors
};

/// One head, all in fp32. q: [L, E] scaled; kt: [E, keys_padded]; v, out: [., width_padded]; p: [keys_padded]
/// scratch.
ARZOO_CLONES void attend(const float* q, const float* kt, const float* v, float* out, float* p, Sizes s) {
  for (int64_t i = 0; i < s.queries; ++i) {
    for (int64_t j = 0; j < s.keys_padded; j += kLanes)
      weighted_sum(q + i * s.width, kt + j, s.width, s.keys_padded, p + j);
    softmax(p, s.keys);
    float* row = out + i * s.width_padded;
    for (int64_t e = 0; e < s.width_padded; e += kLanes)
      weighted_sum(p, v + e, s.keys, s.width_padded, row + e);
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

template <class Scalar>
at::Tensor run(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, float scale) {
  const int64_t batch = q.size(0), heads = q.size(1);
  const Sizes s{q.size(2), k.size(2), q.size(3), whole_vectors(k.size(2)), whole_vectors(q.size(3))};
  auto out = at::empty({batch, s.queries, heads, s.width}, q.options());
  const Heads<Scalar> queries(q), keys(k), values(v);
  auto* result = out.mutable_data_ptr<Scalar>();
  const int64_t work = s.queries * s.keys_padded * s.width_padded;
  parallel_for(batch * heads, std::max<int64_t>(1, kGrain / work), [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(s.queries * (s.width + s.width_padded) + s.width * s.keys_padded +
                               s.keys * s.width_padded + s.keys_padded);
    float* const qs = scratch.data();
    float* const kt = qs + s.queries * s.width;
    float* const vs = kt + s.width * s.keys_padded;
    float* const mixed = vs + s.keys * s.width_padded;
    float* const p = mixed + s.queries * s.width_padded;
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

bool fits_short_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const bool type = q.scalar_type() == at::kFloat || q.scalar_type() == at::kBFloat16;
  const bool inference =
      !at::GradMode::is_enabled() || !(q.requires_grad() || k.requires_grad() || v.requires_grad());
  return type && inference && q.is_cpu() && q.dim() == 4 && k.size(2) <= kMostKeys && q.size(3) <= kWidest &&
         q.stride(3) == 1 && k.stride(3) == 1 && v.stride(3) == 1;
}

at::Tensor short_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale) {
  const auto factor = static_cast<float>(scale);
  return q.scalar_type() == at::kFloat ? run<float>(q, k, v, factor) : run<at::BFloat16>(q, k, v, factor);
}

}  // namespace arzoo::nn
