#include "kernels/packed_weights.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/torch.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "kernels/bf16_products.h"
#include "kernels/quantized_weights.h"

namespace arzoo::kernels {
namespace {

using PackLinear = at::Tensor(const at::Tensor&, std::optional<int64_t>);
using PackConv = at::Tensor(const at::Tensor&, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, int64_t,
                            at::OptionalIntArrayRef);
using Convolve = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                            at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, int64_t, std::string_view,
                            at::List<std::optional<at::Scalar>>, std::optional<std::string_view>);

/// The operation, or nothing in a LibTorch built without oneDNN.
template <class Signature>
std::optional<c10::TypedOperatorHandle<Signature>> operation(const char* name) {
  const auto schema = c10::Dispatcher::singleton().findSchema({name, ""});
  if (!schema || !at::globalContext().hasMKLDNN()) return std::nullopt;
  return schema->typed<Signature>();
}

const std::optional<c10::TypedOperatorHandle<Convolve>>& convolve() {
  static const auto handle = operation<Convolve>("mkldnn::_convolution_pointwise");
  return handle;
}

std::vector<int64_t> twice(int64_t value) { return {value, value}; }

}  // namespace

void pack_for_inference(torch::nn::Module& module) {
  const torch::NoGradGuard no_grad;
  for (const auto& part : module.modules(/*include_self=*/false)) {
    if (auto* layer = dynamic_cast<PackedForInference*>(part.get())) layer->pack();
  }
}

void for_each_packed_layer(torch::nn::Module& module,
                           const std::function<void(const std::string&, PackedForInference&)>& visit) {
  if (auto* whole = dynamic_cast<PackedForInference*>(&module)) visit("", *whole);
  for (const auto& part : module.named_modules(/*name_prefix=*/"", /*include_self=*/false)) {
    if (auto* layer = dynamic_cast<PackedForInference*>(part.value().get())) visit(part.key() + ".", *layer);
  }
}

void pack_quantized_for_inference(torch::nn::Module& module, Quantization form) {
  const torch::NoGradGuard no_grad;
  for_each_packed_layer(module, [form](const std::string&, PackedForInference& layer) {
    for (const auto& [name, weight, own] : layer.quantizable(form))
      layer.take_packed(name, quantized_weight(weight.contiguous(), own));
  });
}

bool can_pack(const at::Tensor& weight) {
  const auto type = weight.scalar_type();
  return weight.is_cpu() && weight.numel() > 0 &&
         (type == at::kFloat || (type == at::kBFloat16 && has_bf16_products())) && convolve().has_value();
}

at::Tensor packed_linear_weight(const at::Tensor& weight) {
  static const auto pack = operation<PackLinear>("mkldnn::_reorder_linear_weight");
  return pack->call(weight.detach(), std::nullopt);
}

at::Tensor packed_conv_weight(const at::Tensor& weight, const ConvSteps& steps, at::IntArrayRef input_size) {
  static const auto pack = operation<PackConv>("mkldnn::_reorder_convolution_weight");
  return pack->call(weight.detach(), twice(steps.padding), twice(steps.stride), twice(1), 1, input_size);
}

at::Tensor packed_convolution(const at::Tensor& x, const at::Tensor& packed, const at::Tensor& bias,
                              const ConvSteps& steps) {
  return convolve()->call(x, packed, bias, twice(steps.padding), twice(steps.stride), twice(1), 1, "none",
                          at::List<std::optional<at::Scalar>>(), std::nullopt);
}

void release(const at::Tensor& parameter) {
  parameter.set_data(at::empty({0}, parameter.options().requires_grad(false)));
#if defined(__GLIBC__)
  // The hole that it leaves fits no packed weight, which wants more room: as pages it serves again.
  malloc_trim(0);
#endif
}

}  // namespace arzoo::kernels
