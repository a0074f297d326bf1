#include "kernels/sparsity_scores.h"

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/library.h>
#include <torch/torch.h>

#include <limits>
#include <vector>

#include "kernels/device_kernel.h"
#include "kernels/flop_counter.h"
#include "kernels/head_rows.h"
#include "kernels/multiversion.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"

namespace arzoo::kernels {
namespace {

constexpr int64_t kLargestBlock = 1 << 22;  // scores that are held at once
constexpr int64_t kScoreGrain = 1 << 16;    // multiply-adds that are worth a thread

/// One head. queries: [length, width]; keys: [key_count, width].
struct Head {
  const float *queries, *keys;
  int64_t length, key_count, width;
};

ARZOO_CLONES void measure_head(const Head& head, const int64_t* sample, int64_t count, float* out) {
  for (int64_t i = 0; i < head.length; ++i) {
    float largest = -std::numeric_limits<float>::infinity(), sum = 0.0F;
    for (int64_t j = 0; j < count; ++j) {
      const float score = kernels::dot(head.queries + i * head.width,
                                       head.keys + sample[i * count + j] * head.width, head.width);
      largest = score > largest ? score : largest;
      sum += score;
    }
    out[i] = largest - sum / static_cast<float>(head.key_count);
  }
}

template <class Scalar>
void measure_heads(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& sample, float* out) {
  const Heads<Scalar> q(queries), k(keys);
  const int64_t heads = queries.size(1), length = queries.size(2), width = queries.size(3);
  const int64_t key_count = keys.size(2), count = sample.size(1);
  count_flops(2.0 * static_cast<double>(queries.numel() * count));
  const auto* picked = sample.const_data_ptr<int64_t>();
  const int64_t grain = std::max<int64_t>(1, kScoreGrain / std::max<int64_t>(1, length * count * width));
  parallel_for(queries.size(0) * heads, grain, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(static_cast<std::size_t>((length + key_count) * width));
    float *const rows = scratch.data(), *const key_rows = rows + length * width;
    for (int64_t item = begin; item < end; ++item) {
      const int64_t b = item / heads, h = item % heads;
      copy_rows(q.row(b, h), {length, width, q.step}, 1.0F, rows, width);
      copy_rows(k.row(b, h), {key_count, width, k.step}, 1.0F, key_rows, width);
      measure_head({rows, key_rows, length, key_count, width}, picked, count, out + item * length);
    }
  });
}

at::Tensor measure(const at::Tensor& sampled, int64_t key_count) {
  return sampled.amax(-1) - sampled.sum(-1) / static_cast<double>(key_count);
}

at::Tensor with_contiguous_heads(const at::Tensor& x) { return x.stride(3) == 1 ? x : x.contiguous(); }

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

namespace {

at::Tensor sampled_on_cpu(const at::Tensor& q, const at::Tensor& k, const at::Tensor& index) {
  auto out = at::empty({q.size(0), q.size(1), q.size(2)}, q.options().dtype(at::kFloat));
  auto* to = out.mutable_data_ptr<float>();
  q.scalar_type() == at::kBFloat16 ? measure_heads<at::BFloat16>(q, k, index, to)
                                   : measure_heads<float>(q, k, index, to);
  return out;
}

using SampledKernel = DeviceKernel<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&)>;

const SampledKernel& sampled_kernel() {
  static const SampledKernel kernel("sampled_sparsity");
  return kernel;
}

TORCH_LIBRARY_FRAGMENT(arzoo, m) {
  m.def("sampled_sparsity(Tensor queries, Tensor keys, Tensor sample) -> Tensor");
}
TORCH_LIBRARY_IMPL(arzoo, CPU, m) { m.impl("sampled_sparsity", &sampled_on_cpu); }

}  // namespace

at::Tensor sparsity_of_sampled_scores(const at::Tensor& queries, const at::Tensor& keys,
                                      const at::Tensor& sample) {
  const torch::NoGradGuard no_grad;
  const bool half = queries.scalar_type() == at::kBFloat16 && keys.scalar_type() == at::kBFloat16;
  const auto type = half ? at::kBFloat16 : at::kFloat;
  const auto q = with_contiguous_heads(queries.to(type)), k = with_contiguous_heads(keys.to(type)),
             index = sample.contiguous();
  return sampled_kernel()(q, k, index);
}

at::Tensor sparsity(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& sample) {
  return sampled_kernel().is_on(queries.device()) ? sparsity_of_sampled_scores(queries, keys, sample)
                                                  : sparsity_of_all_scores(queries, keys, sample);
}

}  // namespace arzoo::kernels
