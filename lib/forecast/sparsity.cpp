#include "forecast/sparsity.h"

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/torch.h>

#include <limits>
#include <vector>

#include "nn/clones.h"
#include "nn/parallel.h"

namespace arzoo::forecast {
namespace {

constexpr int64_t kLargestBlock = 1 << 22;  // scores that are held at once
constexpr int64_t kLanes = 16;
constexpr int64_t kGrain = 1 << 16;  // multiply-adds that are worth a thread

inline float dot(const float* a, const float* b, int64_t size) {
  float sums[kLanes] = {};
  const int64_t whole = size / kLanes * kLanes;
  for (int64_t e = 0; e < whole; e += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[e + lane] * b[e + lane];
  }
  float sum = 0.0F;
  for (int64_t e = whole; e < size; ++e) sum += a[e] * b[e];
  for (const float part : sums) sum += part;
  return sum;
}

/// One head: rows of queries and keys `stride` numbers apart.
struct Head {
  const float *queries, *keys;
  int64_t query_stride, key_stride, width, key_count;
};

ARZOO_CLONES void measure_head(const Head& head, const int64_t* sample, int64_t length, int64_t count,
                               float* out) {
  for (int64_t i = 0; i < length; ++i) {
    float largest = -std::numeric_limits<float>::infinity(), sum = 0.0F;
    for (int64_t j = 0; j < count; ++j) {
      const float score = dot(head.queries + i * head.query_stride,
                              head.keys + sample[i * count + j] * head.key_stride, head.width);
      largest = score > largest ? score : largest;
      sum += score;
    }
    out[i] = largest - sum / static_cast<float>(head.key_count);
  }
}

at::Tensor measure(const at::Tensor& sampled, int64_t key_count) {
  return sampled.amax(-1) - sampled.sum(-1) / static_cast<double>(key_count);
}

at::Tensor unit_stride(const at::Tensor& x) {
  const auto full = x.to(at::kFloat);
  return full.stride(3) == 1 ? full : full.contiguous();
}

}  // namespace

at::Tensor sparsity_of_all_scores(const at::Tensor& queries, const at::Tensor& keys,
                                  const at::Tensor& sample) {
  const torch::NoGradGuard no_grad;
  // Scores choose the queries, and a wrong choice is no rounding error: fp32, autocast or not.
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const auto q = queries.to(at::kFloat), k = keys.to(at::kFloat).transpose(2, 3);
  const int64_t batch = q.size(0), heads = q.size(1), length = q.size(2), keys_there = keys.size(2);
  const int64_t block =
      std::max<int64_t>(1, kLargestBlock / std::max<int64_t>(1, batch * heads * keys_there));
  std::vector<at::Tensor> blocks;
  for (int64_t first = 0; first < length; first += block) {
    const int64_t rows = std::min(block, length - first);
    const auto scores = at::matmul(q.narrow(2, first, rows), k);
    const auto picked = sample.narrow(0, first, rows).expand({batch, heads, rows, sample.size(1)});
    blocks.push_back(measure(scores.gather(3, picked), keys_there));
  }
  return blocks.size() == 1 ? blocks.front() : at::cat(blocks, 2);
}

at::Tensor sparsity_of_sampled_scores(const at::Tensor& queries, const at::Tensor& keys,
                                      const at::Tensor& sample) {
  const torch::NoGradGuard no_grad;
  const auto q = unit_stride(queries), k = unit_stride(keys), index = sample.contiguous();
  const int64_t batch = q.size(0), heads = q.size(1), length = q.size(2), width = q.size(3);
  const int64_t count = index.size(1);
  auto out = at::empty({batch, heads, length}, q.options());
  const float *from_q = q.const_data_ptr<float>(), *from_k = k.const_data_ptr<float>();
  const auto* picked = index.const_data_ptr<int64_t>();
  auto* to = out.mutable_data_ptr<float>();
  const int64_t work = std::max<int64_t>(1, length * count * width);
  nn::parallel_for(batch * heads, std::max<int64_t>(1, kGrain / work), [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t b = item / heads, h = item % heads;
      measure_head({from_q + b * q.stride(0) + h * q.stride(1), from_k + b * k.stride(0) + h * k.stride(1),
                    q.stride(2), k.stride(2), width, k.size(2)},
                   picked, length, count, to + item * length);
    }
  });
  return out;
}

at::Tensor sparsity(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& sample) {
  return queries.is_cpu() ? sparsity_of_sampled_scores(queries, keys, sample)
                          : sparsity_of_all_scores(queries, keys, sample);
}

}  // namespace arzoo::forecast
