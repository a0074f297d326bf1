#include "kernels/dropout.h"

#include <torch/library.h>
#include <torch/torch.h>

#include <cmath>

#include "kernels/device_kernel.h"
#include "kernels/dropout_mask.h"
#include "kernels/multiversion.h"
#include "kernels/parallel.h"

namespace arzoo::kernels {
namespace {

constexpr int64_t kDropoutGrain = 16384;

// Multiversioned, one version per instruction set: the hash is a dozen integer operations per SIMD lane.
ARZOO_CLONES void mask_range(const float* x, float* out, int64_t begin, int64_t end, DropoutMask mask) {
  for (int64_t i = begin; i < end; ++i) out[i] = x[i] * mask.factor(static_cast<uint32_t>(i));
}

ARZOO_CLONES void mask_range(const at::BFloat16* x, at::BFloat16* out, int64_t begin, int64_t end,
                             DropoutMask mask) {
  for (int64_t i = begin; i < end; ++i)
    out[i] = static_cast<float>(x[i]) * mask.factor(static_cast<uint32_t>(i));
}

ARZOO_CLONES void add_masked_range(const float* x, const float* y, float* out, int64_t begin, int64_t end,
                                   DropoutMask mask) {
  for (int64_t i = begin; i < end; ++i) out[i] = x[i] + y[i] * mask.factor(static_cast<uint32_t>(i));
}

template <class Scalar>
at::Tensor masked_as(const at::Tensor& x, const DropoutMask& mask) {
  const auto in = x.contiguous();
  auto out = at::empty_like(in);
  const auto* from = in.const_data_ptr<Scalar>();
  auto* to = out.mutable_data_ptr<Scalar>();
  parallel_for(in.numel(), kDropoutGrain,
               [&](int64_t begin, int64_t end) { mask_range(from, to, begin, end, mask); });
  return out;
}

at::Tensor masked_on_cpu(const at::Tensor& x, int64_t key, double p) {
  const DropoutMask mask(key, p);
  return x.scalar_type() == at::kFloat ? masked_as<float>(x, mask) : masked_as<at::BFloat16>(x, mask);
}

using MaskKernel = DeviceKernel<at::Tensor(const at::Tensor&, int64_t, double)>;

const MaskKernel& mask_kernel() {
  static const MaskKernel kernel("dropout_mask");
  return kernel;
}

at::Tensor masked(const at::Tensor& x, int64_t key, double p) { return mask_kernel()(x, key, p); }

at::Tensor add_masked(const at::Tensor& x, const at::Tensor& y, const DropoutMask& mask) {
  const auto left = x.contiguous(), right = y.contiguous();
  auto out = at::empty_like(left);
  const float* a = left.const_data_ptr<float>();
  const float* b = right.const_data_ptr<float>();
  float* to = out.mutable_data_ptr<float>();
  parallel_for(left.numel(), kDropoutGrain,
               [&](int64_t begin, int64_t end) { add_masked_range(a, b, to, begin, end, mask); });
  return out;
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct DropoutFunction : torch::autograd::Function<DropoutFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, int64_t key, double p) {
    context->saved_data["key"] = key;
    context->saved_data["p"] = p;
    return masked(x, key, p);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto masked_gradient =
        masked(gradients[0], context->saved_data["key"].toInt(), context->saved_data["p"].toDouble());
    return {masked_gradient, at::Tensor(), at::Tensor()};
  }
};

struct ResidualDropoutFunction : torch::autograd::Function<ResidualDropoutFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& y, int64_t key,
                            double p) {
    context->saved_data["key"] = key;
    context->saved_data["p"] = p;
    return x.is_cpu() ? add_masked(x, y, DropoutMask(key, p)) : x + masked(y, key, p);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto masked_gradient =
        masked(gradients[0], context->saved_data["key"].toInt(), context->saved_data["p"].toDouble());
    return {gradients[0], masked_gradient, at::Tensor(), at::Tensor()};
  }
};

bool takes_own_dropout(const at::Tensor& x) {
  const bool type = x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16;
  return mask_kernel().is_on(x.device()) && type && x.numel() < (int64_t{1} << 32);
}

TORCH_LIBRARY_FRAGMENT(arzoo, m) { m.def("dropout_mask(Tensor x, int key, float p) -> Tensor"); }
TORCH_LIBRARY_IMPL(arzoo, CPU, m) { m.impl("dropout_mask", &masked_on_cpu); }

}  // namespace

int64_t sample_dropout_key() { return at::empty({1}, at::kLong).random_().item<int64_t>(); }

at::Tensor dropout(const at::Tensor& x, double p, bool training) {
  if (!training || p <= 0.0) return x;
  if (p >= 1.0 || !takes_own_dropout(x)) return at::dropout(x, p, true);
  return DropoutFunction::apply(x, sample_dropout_key(), p);
}

at::Tensor residual_dropout(const at::Tensor& x, const at::Tensor& y, double p, bool training) {
  if (!training || p <= 0.0) return x + y;
  if (p >= 1.0 || !takes_own_dropout(y) || x.scalar_type() != at::kFloat)
    return x + kernels::dropout(y, p, true);
  return ResidualDropoutFunction::apply(x, y.to(at::kFloat), sample_dropout_key(), p);
}

}  // namespace arzoo::kernels
