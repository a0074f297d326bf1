#pragma once

#include <torch/nn/module.h>

#include <map>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <variant>

#include "core/quantization.h"
#include "kernels/int8.h"

namespace arzoo::kernels {

/// Whether a weight, [out, in], gains by this form.
bool fits(const at::Tensor& weight, Quantization form);
/// A weight in this form, not none, as one tensor that kernels::linear takes in its place. For layers that
/// keep nothing else of it (PackedForInference::take_packed).
at::Tensor quantized_weight(const at::Tensor& weight, Quantization form);

/// A matrix in one of the forms: Int8Matrix, or the tensor of int4_weight.
using QuantizedMatrix = std::variant<Int8Matrix, at::Tensor>;

/// A model's weights in another form, rounded when a linear map first needs them and cached. Only linear maps
/// of parameters take part; what is computed from them stays in full precision.
class QuantizedWeights {
 public:
  /// The parameters' storage must stay where it is as long as this lives. form: not none.
  QuantizedWeights(const torch::nn::Module& model, Quantization form);

  /// The form of a parameter, a view or a run of adjacent ones, [out, in]; nothing for another tensor or one
  /// that gains nothing.
  const QuantizedMatrix* find(const at::Tensor& weight);

 private:
  using Place = std::tuple<const void*, int64_t, int64_t>;
  Quantization form_;
  std::unordered_set<const c10::StorageImpl*> storages_;
  std::vector<at::Tensor> parameters_;  ///< keep the storages alive
  std::mutex mutex_;
  std::map<Place, QuantizedMatrix> matrices_;
};

/// Those of a model; null for no form.
std::unique_ptr<QuantizedWeights> quantized_weights(const torch::nn::Module& model, Quantization form);

/// While one lives, kernels::linear of this thread takes weights in their other form, in inference on a CPU;
/// nullptr changes nothing.
class QuantizedScope {
 public:
  explicit QuantizedScope(QuantizedWeights* weights);
  ~QuantizedScope();
  QuantizedScope(const QuantizedScope&) = delete;
  QuantizedScope& operator=(const QuantizedScope&) = delete;

 private:
  QuantizedWeights* outer_;
};

/// The weight's form that the scope in force asks for, nullptr elsewhere.
const QuantizedMatrix* quantized_form(const at::Tensor& x, const at::Tensor& weight);

/// activation(x W^T + b) by the form's product. x: [..., in]; returns [..., out] in x's type.
at::Tensor quantized_linear(const at::Tensor& x, const QuantizedMatrix& weight, const at::Tensor& bias,
                            Activation after);

}  // namespace arzoo::kernels
