#include "nn/dropout.h"

#include <torch/torch.h>

#include <cmath>

#include "nn/parallel.h"

namespace arzoo::nn {
namespace {

constexpr int64_t kGrain = 16384;

#define ARZOO_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))

struct Mask {
  Mask(int64_t key, double p)
      : low(static_cast<uint32_t>(key)),
        high(static_cast<uint32_t>(static_cast<uint64_t>(key) >> 32)),
        threshold(static_cast<uint32_t>(std::llround(p * 4294967296.0))),
        scale(static_cast<float>(1.0 / (1.0 - p))) {}

  uint32_t low, high;  // the halves of the key
  uint32_t threshold;  // an element is dropped when its hash is below
  float scale;
};

int64_t draw_key() { return at::empty({1}, at::kLong).random_().item<int64_t>(); }

/// The factor of element `index`: 0 or scale. A keyed avalanche hash (Wellons' triple32, bias < 0.021 bits).
inline float factor(uint32_t index, const Mask& mask) {
  uint32_t h = index ^ mask.low;
  h ^= h >> 17;
  h *= 0xed5ad4bbU;
  h ^= h >> 11;
  h *= 0xac4c1b51U;
  h ^= mask.high;
  h ^= h >> 15;
  h *= 0x31848babU;
  h ^= h >> 14;
  return h < mask.threshold ? 0.0F : mask.scale;
}

// One clone per instruction set, chosen when the library is loaded: the hash is a dozen integer operations per lane.
ARZOO_CLONES void mask_range(const float* x, float* out, int64_t begin, int64_t end, Mask mask) {
  for (int64_t i = begin; i < end; ++i) out[i] = x[i] * factor(static_cast<uint32_t>(i), mask);
}

ARZOO_CLONES void mask_range(const at::BFloat16* x, at::BFloat16* out, int64_t begin, int64_t end, Mask mask) {
  for (int64_t i = begin; i < end; ++i) out[i] = static_cast<float>(x[i]) * factor(static_cast<uint32_t>(i), mask);
}

ARZOO_CLONES void add_masked_range(const float* x, const float* y, float* out, int64_t begin, int64_t end, Mask mask) {
  for (int64_t i = begin; i < end; ++i) out[i] = x[i] + y[i] * factor(static_cast<uint32_t>(i), mask);
}

template <class Scalar>
at::Tensor masked_as(const at::Tensor& x, const Mask& mask) {
  const auto in = x.contiguous();
  auto out = at::empty_like(in);
  const auto* from = in.const_data_ptr<Scalar>();
  auto* to = out.mutable_data_ptr<Scalar>();
  parallel_for(in.numel(), kGrain, [&](int64_t begin, int64_t end) { mask_range(from, to, begin, end, mask); });
  return out;
}

at::Tensor masked(const at::Tensor& x, const Mask& mask) {
  return x.scalar_type() == at::kFloat ? masked_as<float>(x, mask) : masked_as<at::BFloat16>(x, mask);
}

at::Tensor add_masked(const at::Tensor& x, const at::Tensor& y, const Mask& mask) {
  const auto left = x.contiguous(), right = y.contiguous();
  auto out = at::empty_like(left);
  const float* a = left.const_data_ptr<float>();
  const float* b = right.const_data_ptr<float>();
  float* to = out.mutable_data_ptr<float>();
  parallel_for(left.numel(), kGrain, [&](int64_t begin, int64_t end) { add_masked_range(a, b, to, begin, end, mask); });
  return out;
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct DropoutFunction : torch::autograd::Function<DropoutFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, int64_t key, double p) {
    context->saved_data["key"] = key;
    context->saved_data["p"] = p;
    return masked(x, Mask(key, p));
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const Mask mask(context->saved_data["key"].toInt(), context->saved_data["p"].toDouble());
    return {masked(gradients[0], mask), at::Tensor(), at::Tensor()};
  }
};

struct ResidualDropoutFunction : torch::autograd::Function<ResidualDropoutFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& y, int64_t key, double p) {
    context->saved_data["key"] = key;
    context->saved_data["p"] = p;
    return add_masked(x, y, Mask(key, p));
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const Mask mask(context->saved_data["key"].toInt(), context->saved_data["p"].toDouble());
    return {gradients[0], masked(gradients[0], mask), at::Tensor(), at::Tensor()};
  }
};

bool own_kernel(const at::Tensor& x) {
  const bool type = x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16;
  return x.is_cpu() && type && x.numel() < (int64_t{1} << 32);
}

}  // namespace

at::Tensor dropout(const at::Tensor& x, double p, bool training) {
  if (!training || p <= 0.0) return x;
  if (p >= 1.0 || !own_kernel(x)) return at::dropout(x, p, true);
  return DropoutFunction::apply(x, draw_key(), p);
}

at::Tensor residual_dropout(const at::Tensor& x, const at::Tensor& y, double p, bool training) {
  if (!training || p <= 0.0) return x + y;
  if (p >= 1.0 || !own_kernel(y) || x.scalar_type() != at::kFloat) return x + nn::dropout(y, p, true);
  return ResidualDropoutFunction::apply(x, y.to(at::kFloat), draw_key(), p);
}

}  // namespace arzoo::nn
