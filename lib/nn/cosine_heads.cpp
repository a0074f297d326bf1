#include "nn/cosine_heads.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/head_rows.h"
#include "kernels/multiversion.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"
#include "nn/split_heads.h"

namespace arzoo::nn {
namespace {

constexpr float kLeastLength = 1e-12F;
constexpr int64_t kHeadGrain = 1 << 14;

/// The heads of one token, adjacent; factors may be null.
ARZOO_CLONES void normalise_heads(float* x, int64_t heads, int64_t width, const float* factors) {
  for (int64_t h = 0; h < heads; ++h) {
    float* const head = x + h * width;
    const float length = std::max(std::sqrt(kernels::dot(head, head, width)), kLeastLength);
    const float factor = factors == nullptr ? 1.0F : factors[h];
    for (int64_t e = 0; e < width; ++e) head[e] = head[e] / length * factor;
  }
}

template <class Scalar>
void run_cosine_heads(at::Tensor& qkv, const at::Tensor& factors, const at::Tensor& keys,
                      const at::Tensor& values) {
  const int64_t heads = keys.size(1), tokens = keys.size(2), width = keys.size(3), all = heads * width;
  const auto* factor = factors.const_data_ptr<float>();
  auto* data = qkv.mutable_data_ptr<Scalar>();
  auto* to_keys = keys.mutable_data_ptr<Scalar>();
  auto* to_values = values.mutable_data_ptr<Scalar>();
  const kernels::HeadSize packed{heads, width, width}, cached{heads, width, keys.stride(1)};
  kernels::parallel_for(qkv.size(0) * tokens, std::max<int64_t>(1, kHeadGrain / all),
                        [&](int64_t begin, int64_t end) {
                          std::vector<float> heads_of_token(all);
                          float* const x = heads_of_token.data();
                          for (int64_t i = begin; i < end; ++i) {
                            Scalar* const token = data + i * 3 * all;
                            const int64_t place = i / tokens * keys.stride(0) + i % tokens * keys.stride(2);
                            kernels::copy_rows(token, packed, 1.0F, x, width);
                            normalise_heads(x, heads, width, factor);
                            kernels::store_rows(x, width, packed, token);
                            kernels::copy_rows(token + all, packed, 1.0F, x, width);
                            normalise_heads(x, heads, width, nullptr);
                            kernels::store_rows(x, width, cached, to_keys + place);
                            kernels::copy_rows(token + 2 * all, packed, 1.0F, x, width);
                            kernels::store_rows(x, width, cached, to_values + place);
                          }
                        });
}

}  // namespace

at::Tensor unit_vectors(const at::Tensor& x) {
  return x / at::linalg_vector_norm(x, 2, {-1}, /*keepdim=*/true).clamp_min(kLeastLength);
}

at::Tensor cache_cosine_heads(at::Tensor& qkv, const at::Tensor& factors, KvCache& cache) {
  const int64_t batch = qkv.size(0), tokens = qkv.size(1), heads = factors.numel(),
                width = qkv.size(2) / (3 * heads);
  const auto [keys, values] = cache.extend({batch, heads, tokens, width}, qkv.options());
  const auto parts = split_heads(qkv, heads, 3);
  auto queries = parts[0];
  const auto type = qkv.scalar_type();
  const bool one_pass = qkv.is_cpu() && !at::GradMode::is_enabled();
  if (one_pass && type == at::kFloat) {
    run_cosine_heads<float>(qkv, factors, keys, values);
  } else if (one_pass && type == at::kBFloat16) {
    run_cosine_heads<at::BFloat16>(qkv, factors, keys, values);
  } else {
    queries.copy_(unit_vectors(queries) * factors.view({heads, 1, 1}).to(type));
    keys.copy_(unit_vectors(parts[1]));
    values.copy_(parts[2]);
  }
  return queries;
}

}  // namespace arzoo::nn
