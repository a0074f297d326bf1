#include "kernels/fused_attention.h"

#include <torch/torch.h>

#include <vector>

#include "kernels/flop_counter.h"
#include "kernels/head_rows.h"
#include "kernels/multiversion.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"

namespace arzoo::kernels {
namespace {

constexpr int64_t kMostKeys = 2048;  // a head's keys and values stay in the processor's cache
constexpr int64_t kWidest = 256;
constexpr int64_t kRows = 4;         // queries at a time: their sums fit the registers
constexpr int64_t kQueryBlock = 32;  // queries that share a tile of keys, or of values, in the fastest cache
constexpr int64_t kTileNumbers = 4096;
constexpr int64_t kAttentionGrain = 1 << 17;  // multiply-adds that are worth a thread

struct Sizes {
  int64_t queries, keys, width;
  int64_t queries_padded, keys_padded, width_padded;  // to whole blocks and vectors
  int64_t tile;                                       // keys, a divisor of keys_padded
  bool causal;

  /// Keys that query i sees.
  int64_t seen(int64_t i) const {
    return causal ? std::clamp<int64_t>(keys - queries + i + 1, 1, keys) : keys;
  }
  /// Of one head: the scores that are looked at, and their product with the values.
  double flops() const {
    double pairs = 0.0;
    for (int64_t i = 0; i < queries; ++i) pairs += static_cast<double>(seen(i));
    return 2.0 * pairs * static_cast<double>(width + width);
  }
  /// Keys that any of the kRows queries from i on sees.
  int64_t most(int64_t i) const { return seen(std::min(i + kRows, queries) - 1); }
};

/// The sums of kRows rows of factors over `columns` columns, two vectors of them at a time.
template <bool Add>
ARZOO_INTO_CLONES void weigh(const float* factors, int64_t factor_step, const float* rows, int64_t count,
                             int64_t step, int64_t columns, float* out, int64_t out_step) {
  int64_t j = 0;
  for (; j + 2 * kLanes <= columns; j += 2 * kLanes)
    weighted_sums<kRows, 2, Add>(factors, factor_step, rows + j, count, step, out + j, out_step);
  if (j < columns)
    weighted_sums<kRows, 1, Add>(factors, factor_step, rows + j, count, step, out + j, out_step);
}

/// A head's numbers, all in fp32.
struct HeadData {
  const float* q;   ///< [queries_padded, E], scaled
  const float* kt;  ///< [keys_padded / tile, E, tile]
  const float* v;   ///< [keys, width_padded]
  float* out;       ///< [queries_padded, width_padded]
  float* p;         ///< [kQueryBlock, keys_padded] scratch
};

/// The queries from `first` to `end`, kRows at a time, tile by tile.
ARZOO_INTO_CLONES void attend_block(const HeadData& head, int64_t first, int64_t end, const Sizes& s) {
  const int64_t all = s.most(end - kRows);
  for (int64_t j = 0; j < all; j += s.tile) {
    for (int64_t i = first; i < end; i += kRows) {
      if (s.most(i) <= j) continue;
      const int64_t columns = std::min(s.tile, whole_vectors(s.most(i) - j));
      weigh<false>(head.q + i * s.width, s.width, head.kt + j * s.width, s.width, s.tile, columns,
                   head.p + (i - first) * s.keys_padded + j, s.keys_padded);
    }
  }
  for (int64_t i = first; i < end; ++i) {
    const int64_t group = s.most(first + (i - first) / kRows * kRows), seen = std::min(group, s.seen(i));
    float* const p = head.p + (i - first) * s.keys_padded;
    softmax(p, seen);
    for (int64_t j = seen; j < group; ++j) p[j] = 0.0F;
  }
  std::fill(head.out + first * s.width_padded, head.out + end * s.width_padded, 0.0F);
  for (int64_t j = 0; j < all; j += s.tile) {
    for (int64_t i = first; i < end; i += kRows) {
      const int64_t count = std::min(s.tile, s.most(i) - j);
      if (count <= 0) continue;
      weigh<true>(head.p + (i - first) * s.keys_padded + j, s.keys_padded, head.v + j * s.width_padded, count,
                  s.width_padded, s.width_padded, head.out + i * s.width_padded, s.width_padded);
    }
  }
}

ARZOO_CLONES void attend(const HeadData& head, int64_t first, int64_t end, Sizes s) {
  for (int64_t i = first; i < end; i += kQueryBlock) attend_block(head, i, std::min(i + kQueryBlock, end), s);
}

/// The rows of a head as columns, a tile of them behind the other.
template <class Scalar>
void copy_transposed(const Scalar* from, int64_t step, float* out, const Sizes& s) {
  for (int64_t i = 0; i < s.keys; ++i) {
    float* const column = out + i / s.tile * s.tile * s.width + i % s.tile;
    for (int64_t e = 0; e < s.width; ++e) column[e * s.tile] = static_cast<float>(from[i * step + e]);
  }
}

Sizes sizes_of(const at::Tensor& q, const at::Tensor& k, bool causal) {
  const auto whole = [](int64_t size, int64_t part) { return (size + part - 1) / part * part; };
  const int64_t queries = q.size(2), keys = k.size(2), width = q.size(3);
  const int64_t tile =
      std::min(whole_vectors(keys), std::max(2 * kLanes, kTileNumbers / width / kLanes * kLanes));
  return {queries, keys, width, whole(queries, kRows), whole(keys, tile), whole_vectors(width), tile, causal};
}

/// A thread's buffers for one head.
class Scratch {
 public:
  explicit Scratch(const Sizes& s)
      : queries_(s.queries_padded * s.width),
        keys_(s.width * s.keys_padded),
        values_(s.keys * s.width_padded),
        results_(s.queries_padded * s.width_padded),
        scores_(kQueryBlock * s.keys_padded) {}
  float* queries() { return queries_.data(); }
  float* keys() { return keys_.data(); }
  float* values() { return values_.data(); }
  float* results() { return results_.data(); }
  HeadData data() { return {queries(), keys(), values(), results(), scores_.data()}; }

 private:
  std::vector<float> queries_, keys_, values_, results_, scores_;
};

template <class Scalar>
at::Tensor run_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                         const FusedMode& mode) {
  const int64_t batch = q.size(0), heads = q.size(1);
  const auto s = sizes_of(q, k, mode.causal);
  count_flops(static_cast<double>(batch * heads) * s.flops());
  auto out = at::empty({batch, s.queries, heads, s.width}, q.options());
  if (out.numel() == 0) return out.transpose(1, 2);
  const Heads<Scalar> queries(q), keys(k), values(v);
  auto* result = out.mutable_data_ptr<Scalar>();
  const auto scale = static_cast<float>(mode.scale);
  // With fewer heads than threads each takes some blocks of a head's queries.
  const int64_t blocks = (s.queries + kQueryBlock - 1) / kQueryBlock;
  const int64_t parts = std::clamp<int64_t>(omp_get_max_threads() / std::max<int64_t>(batch * heads, 1), 1,
                                            std::max<int64_t>(blocks, 1));
  const int64_t work = s.queries * s.keys_padded * s.width_padded / parts;
  parallel_for(
      batch * heads * parts, std::max<int64_t>(1, kAttentionGrain / std::max<int64_t>(work, 1)),
      [&](int64_t begin, int64_t end) {
        Scratch scratch(s);
        for (int64_t index = begin; index < end; ++index) {
          const int64_t part = index % parts, b = index / parts / heads, h = index / parts % heads;
          const int64_t first = blocks * part / parts * kQueryBlock;
          const int64_t last = std::min(blocks * (part + 1) / parts * kQueryBlock, s.queries);
          copy_rows(queries.row(b, h) + first * queries.step, {last - first, s.width, queries.step}, scale,
                    scratch.queries() + first * s.width, s.width);
          copy_transposed(keys.row(b, h), keys.step, scratch.keys(), s);
          copy_rows(values.row(b, h), {s.keys, s.width, values.step}, 1.0F, scratch.values(), s.width_padded);
          attend(scratch.data(), first, std::min(last + kRows - 1, s.queries_padded) / kRows * kRows, s);
          store_rows(scratch.results() + first * s.width_padded, s.width_padded,
                     {last - first, s.width, heads * s.width},
                     result + ((b * s.queries + first) * heads + h) * s.width);
        }
      });
  return out.transpose(1, 2);
}

}  // namespace

bool fits_own_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const bool type = q.scalar_type() == at::kFloat || q.scalar_type() == at::kBFloat16;
  const bool inference =
      !at::GradMode::is_enabled() || !(q.requires_grad() || k.requires_grad() || v.requires_grad());
  return type && inference && q.is_cpu() && q.dim() == 4 && q.size(3) <= kWidest && q.stride(3) == 1 &&
         k.stride(3) == 1 && v.stride(3) == 1;
}

bool fits_fused_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return fits_own_attention(q, k, v) && k.size(2) <= kMostKeys;
}

at::Tensor fused_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const FusedMode& mode) {
  return q.scalar_type() == at::kFloat ? run_attention<float>(q, k, v, mode)
                                       : run_attention<at::BFloat16>(q, k, v, mode);
}

}  // namespace arzoo::kernels
