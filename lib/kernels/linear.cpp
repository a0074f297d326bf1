#include "kernels/linear.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/torch.h>

#include "kernels/bf16_products.h"
#include "kernels/int4.h"
#include "kernels/quantized_weights.h"

namespace arzoo::kernels {
namespace {

using FusedLinear = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                               std::string_view, at::List<std::optional<at::Scalar>>,
                               std::optional<std::string_view>);

/// LibTorch's oneDNN product with an epilogue, or nothing in a LibTorch built without oneDNN.
const std::optional<c10::TypedOperatorHandle<FusedLinear>>& fused_linear() {
  static const auto handle = []() -> std::optional<c10::TypedOperatorHandle<FusedLinear>> {
    const auto schema = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
    if (!schema || !at::globalContext().hasMKLDNN()) return std::nullopt;
    return schema->typed<FusedLinear>();
  }();
  return handle;
}

std::vector<int64_t> result_sizes(const at::Tensor& x, const at::Tensor& weight) {
  auto sizes = x.sizes().vec();
  sizes.back() = weight.size(0);
  return sizes;
}

bool fusable(const at::Tensor& x, const at::Tensor& weight) {
  const auto type = weight.scalar_type();
  return !at::GradMode::is_enabled() && x.is_cpu() && x.scalar_type() == type &&
         (type == at::kFloat || (type == at::kBFloat16 && has_bf16_products())) && x.numel() > 0 &&
         fused_linear().has_value();
}

/// LibTorch's own bf16 product takes 50 times as long as one in fp32, which sums in fp32 just as oneDNN's
/// does.
bool lacks_kernel(const at::Tensor& x, const at::Tensor& weight) {
  return !at::GradMode::is_enabled() && x.is_cpu() && x.scalar_type() == at::kBFloat16 &&
         weight.scalar_type() == at::kBFloat16 && !has_bf16_products();
}

/// What oneDNN calls an activation, and which form of it.
std::pair<std::string_view, std::string_view> epilogue_of(Activation after) {
  switch (after) {
    case Activation::none:
      return {"none", "none"};
    case Activation::relu:
      return {"relu", "none"};
    case Activation::gelu:
      return {"gelu", "none"};
    case Activation::gelu_tanh:
      return {"gelu", "tanh"};
    case Activation::silu:
      return {"swish", "none"};
  }
  return {"none", "none"};
}

}  // namespace

at::Tensor activate(const at::Tensor& x, Activation by) {
  switch (by) {
    case Activation::none:
      return x;
    case Activation::relu:
      return at::relu(x);
    case Activation::gelu:
      return at::gelu(x);
    case Activation::gelu_tanh:
      return at::gelu(x, "tanh");
    case Activation::silu:
      return at::silu(x);
  }
  return x;
}

Activation activation(const std::string& name) {
  return name == "relu" ? Activation::relu : Activation::gelu;
}

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, Activation after) {
  if (weight.is_quantized()) return int8_linear(x, int8_operands(weight), bias, after);
  if (weight.scalar_type() == at::kByte) return int4_linear(x, weight, bias, after);
  if (const auto* rounded = quantized_form(x, weight)) return quantized_linear(x, *rounded, bias, after);
  if (fusable(x, weight)) {
    const auto rows = x.reshape({-1, x.size(-1)});
    const auto [epilogue, form] = epilogue_of(after);
    const auto out = fused_linear()->call(rows, weight, bias.defined() ? std::optional(bias) : std::nullopt,
                                          epilogue, at::List<std::optional<at::Scalar>>(), form);
    return out.view(result_sizes(x, weight));
  }
  // Nothing but oneDNN's product takes a packed weight, and that one no empty x.
  if (weight.is_mkldnn() && x.numel() == 0) return at::empty(result_sizes(x, weight), x.options());
  if (lacks_kernel(x, weight)) {
    const auto wide = [](const at::Tensor& tensor) {
      return tensor.defined() ? tensor.to(at::kFloat) : tensor;
    };
    return activate(at::linear(wide(x), wide(weight), wide(bias)), after).to(at::kBFloat16);
  }
  return activate(at::linear(x, weight, bias), after);
}

}  // namespace arzoo::kernels
