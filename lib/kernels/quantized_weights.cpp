#include "kernels/quantized_weights.h"

#include <torch/torch.h>

#include <utility>

#include "kernels/int4.h"

namespace arzoo::kernels {
namespace {

thread_local QuantizedWeights* active = nullptr;

}  // namespace

bool fits(const at::Tensor& weight, Quantization form) {
  if (weight.is_mkldnn()) return false;
  return form == Quantization::int4 ? fits_int4(weight) : form == Quantization::int8 && fits_int8(weight);
}

at::Tensor quantized_weight(const at::Tensor& weight, Quantization form) {
  return form == Quantization::int4 ? int4_weight(weight) : int8_weight(weight);
}

QuantizedWeights::QuantizedWeights(const torch::nn::Module& model, Quantization form)
    : form_(form), parameters_(model.parameters()) {
  for (const auto& parameter : parameters_) storages_.insert(parameter.storage().unsafeGetStorageImpl());
}

const QuantizedMatrix* QuantizedWeights::find(const at::Tensor& weight) {
  if (!weight.has_storage() || !storages_.contains(weight.storage().unsafeGetStorageImpl()) ||
      !fits(weight, form_))
    return nullptr;
  const Place place{weight.const_data_ptr(), weight.size(0), weight.size(1)};
  const std::lock_guard<std::mutex> lock(mutex_);
  auto found = matrices_.find(place);
  if (found == matrices_.end()) {
    auto matrix = form_ == Quantization::int4 ? QuantizedMatrix(int4_weight(weight))
                                              : QuantizedMatrix(quantize_rows(weight));
    found = matrices_.emplace(place, std::move(matrix)).first;
  }
  return &found->second;
}

std::unique_ptr<QuantizedWeights> quantized_weights(const torch::nn::Module& model, Quantization form) {
  return form == Quantization::none ? nullptr : std::make_unique<QuantizedWeights>(model, form);
}

QuantizedScope::QuantizedScope(QuantizedWeights* weights) : outer_(std::exchange(active, weights)) {
  if (weights == nullptr) active = outer_;
}

QuantizedScope::~QuantizedScope() { active = outer_; }

const QuantizedMatrix* quantized_form(const at::Tensor& x, const at::Tensor& weight) {
  if (active == nullptr || at::GradMode::is_enabled() || !x.is_cpu() || x.numel() == 0) return nullptr;
  return active->find(weight);
}

at::Tensor quantized_linear(const at::Tensor& x, const QuantizedMatrix& weight, const at::Tensor& bias,
                            Activation after) {
  if (const auto* int8 = std::get_if<Int8Matrix>(&weight)) return int8_linear(x, *int8, bias, after);
  return int4_linear(x, std::get<at::Tensor>(weight), bias, after);
}

}  // namespace arzoo::kernels
