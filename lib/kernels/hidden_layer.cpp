#include "kernels/hidden_layer.h"

#include <torch/torch.h>

#include "kernels/dropout.h"
#include "kernels/dropout_mask.h"
#include "kernels/multiversion.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"

namespace arzoo::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kHiddenGrain = 16384;

/// The normal distribution at x: its share below x, to 8e-8, and its density (Abramowitz and Stegun 7.1.26,
/// whose exponential is the density's).
struct Normal {
  explicit Normal(float x) {
    const float distance = (x < 0.0F ? -x : x) * 0.70710678F, e = exp_nonpositive(-0.5F * x * x);
    const float t = 1.0F / (1.0F + 0.3275911F * distance);
    float tail = 1.061405429F;
    tail = tail * t - 1.453152027F;
    tail = tail * t + 1.421413741F;
    tail = tail * t - 0.284496736F;
    tail = (tail * t + 0.254829592F) * t * e * 0.5F;
    below = x < 0.0F ? tail : 1.0F - tail;
    density = 0.39894228F * e;
  }
  float below, density;
};

inline float gelu(float x) { return x * Normal(x).below; }
inline float gelu_slope(float x) {
  const Normal normal(x);
  return normal.below + x * normal.density;
}

/// The tanh approximation of the GELU is x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3), because
/// 1 + tanh(u) = 2 sigmoid(2 u).
constexpr float kTwiceRoot = 1.59576912F, kCubic = 0.044715F;

/// sigmoid(2 u) and 1 - sigmoid(2 u), neither by a difference.
struct TanhGate {
  explicit TanhGate(float x) {
    const float z = kTwiceRoot * (x + kCubic * x * x * x);
    const float e = exp_nonpositive(z < 0.0F ? z : -z), larger = 1.0F / (1.0F + e), smaller = e * larger;
    below = z < 0.0F ? smaller : larger;
    above = z < 0.0F ? larger : smaller;
  }
  float below, above;
};

inline float gelu_tanh(float x) { return x * TanhGate(x).below; }
inline float gelu_tanh_slope(float x) {
  const TanhGate gate(x);
  return gate.below + x * gate.below * gate.above * kTwiceRoot * (1.0F + 3.0F * kCubic * x * x);
}
inline float relu(float x) { return x > 0.0F ? x : 0.0F; }
inline float relu_slope(float x) { return x > 0.0F ? 1.0F : 0.0F; }
inline float silu_slope(float x) {
  const float e = exp_nonpositive(x < 0.0F ? x : -x), open = (x < 0.0F ? e : 1.0F) / (1.0F + e);
  return open + x * open * (1.0F - open);
}

// One function per type, activation and direction, because multiversioned functions cannot be templates. out
// may be g.
#define ARZOO_HIDDEN_LAYER(Scalar, activation)                                                      \
  ARZOO_CLONES void activation##_range(const Scalar* x, Scalar* out, int64_t begin, int64_t end,    \
                                       DropoutMask mask) {                                          \
    for (int64_t i = begin; i < end; ++i)                                                           \
      out[i] = activation(static_cast<float>(x[i])) * mask.factor(static_cast<uint32_t>(i));        \
  }                                                                                                 \
  ARZOO_CLONES void activation##_back(const Scalar* x, const Scalar* g, Scalar* out, int64_t begin, \
                                      int64_t end, DropoutMask mask) {                              \
    for (int64_t i = begin; i < end; ++i)                                                           \
      out[i] = static_cast<float>(g[i]) * activation##_slope(static_cast<float>(x[i])) *            \
               mask.factor(static_cast<uint32_t>(i));                                               \
  }
ARZOO_HIDDEN_LAYER(float, gelu)
ARZOO_HIDDEN_LAYER(float, gelu_tanh)
ARZOO_HIDDEN_LAYER(float, relu)
ARZOO_HIDDEN_LAYER(float, silu)
ARZOO_HIDDEN_LAYER(at::BFloat16, gelu)
ARZOO_HIDDEN_LAYER(at::BFloat16, gelu_tanh)
ARZOO_HIDDEN_LAYER(at::BFloat16, relu)
ARZOO_HIDDEN_LAYER(at::BFloat16, silu)
#undef ARZOO_HIDDEN_LAYER

struct Options {
  Activation by;
  DropoutMask mask;
};

template <class Scalar>
at::Tensor run_hidden_layer(const at::Tensor& x, const Options& options) {
  auto out = at::empty_like(x);
  const auto* from = x.const_data_ptr<Scalar>();
  auto* to = out.template mutable_data_ptr<Scalar>();
  parallel_for(x.numel(), kHiddenGrain, [&](int64_t begin, int64_t end) {
    switch (options.by) {
      case Activation::relu:
        return relu_range(from, to, begin, end, options.mask);
      case Activation::gelu_tanh:
        return gelu_tanh_range(from, to, begin, end, options.mask);
      case Activation::silu:
        return silu_range(from, to, begin, end, options.mask);
      default:
        return gelu_range(from, to, begin, end, options.mask);
    }
  });
  return out;
}

template <class Scalar>
at::Tensor run_back(const at::Tensor& x, const at::Tensor& gradient, const Options& options) {
  auto out = at::empty_like(x);
  const auto *from = x.const_data_ptr<Scalar>(), *g = gradient.const_data_ptr<Scalar>();
  auto* to = out.template mutable_data_ptr<Scalar>();
  parallel_for(x.numel(), kHiddenGrain, [&](int64_t begin, int64_t end) {
    switch (options.by) {
      case Activation::relu:
        return relu_back(from, g, to, begin, end, options.mask);
      case Activation::gelu_tanh:
        return gelu_tanh_back(from, g, to, begin, end, options.mask);
      case Activation::silu:
        return silu_back(from, g, to, begin, end, options.mask);
      default:
        return gelu_back(from, g, to, begin, end, options.mask);
    }
  });
  return out;
}

struct ActivationFunction : torch::autograd::Function<ActivationFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, Activation by, int64_t key,
                            double p) {
    context->save_for_backward({x});
    context->saved_data["activation"] = static_cast<int64_t>(by);
    context->saved_data["key"] = key;
    context->saved_data["p"] = p;
    const Options options{by, DropoutMask(key, p)};
    return x.scalar_type() == at::kFloat ? run_hidden_layer<float>(x, options)
                                         : run_hidden_layer<at::BFloat16>(x, options);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto x = context->get_saved_variables()[0];
    const auto gradient = gradients[0].to(x.scalar_type()).contiguous();
    const Options options{
        static_cast<Activation>(context->saved_data["activation"].toInt()),
        DropoutMask(context->saved_data["key"].toInt(), context->saved_data["p"].toDouble())};
    const auto out = x.scalar_type() == at::kFloat ? run_back<float>(x, gradient, options)
                                                   : run_back<at::BFloat16>(x, gradient, options);
    return {out, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

bool takes_own_hidden_layer(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) &&
         x.is_contiguous() && x.numel() < (int64_t{1} << 32);
}

}  // namespace

at::Tensor hidden_layer(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                        Activation after, double p, bool training) {
  const bool drops = training && p > 0.0;
  if (!at::GradMode::is_enabled() || after == Activation::none)
    return kernels::dropout(linear(x, weight, bias, after), p, drops);
  const auto product = at::linear(x, weight, bias);
  if (takes_own_hidden_layer(product))
    return ActivationFunction::apply(product, after, drops ? sample_dropout_key() : 0, drops ? p : 0.0);
  return kernels::dropout(activate(product, after), p, drops);
}

}  // namespace arzoo::kernels
