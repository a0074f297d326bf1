#pragma once

#include <torch/nn/module.h>

#include <map>
#include <mutex>
#include <unordered_set>

#include "kernels/linear.h"

namespace arzoo::kernels {

/// A matrix rounded to 8 bits, one scale per row: row i is about scales[i] * values[i].
struct Int8Matrix {
  at::Tensor values;  ///< [rows, columns] int8 in [-127, 127]
  at::Tensor scales;  ///< [rows] float
};

/// Rounds each row to the nearest multiple of its largest magnitude / 127. x: [rows, columns], any float
/// type.
Int8Matrix quantize_rows(const at::Tensor& x);

/// Whether a weight, [out, in], is worth it: one of a single column has nothing to gain.
bool fits_int8(const at::Tensor& weight);
/// The same as one tensor, quantised by row, that kernels::linear takes in place of the weight: [out, in].
/// For layers that keep nothing else of it (PackedForInference::pack_int8).
at::Tensor int8_weight(const at::Tensor& weight);
/// The operands that such a tensor holds, views.
Int8Matrix int8_operands(const at::Tensor& weight);
/// Rows of such a table in full precision. ids: long; returns [..., in] float.
at::Tensor int8_rows(const at::Tensor& table, const at::Tensor& ids);

/// A model's weights in 8 bits, quantised when a linear map first needs them and cached. Only linear maps of
/// parameters take part; what is computed from them stays in full precision.
class Int8Weights {
 public:
  /// The parameters' storage must stay where it is as long as this lives.
  explicit Int8Weights(const torch::nn::Module& model);

  /// The 8-bit form of a parameter, a view or a run of adjacent ones, [out, in] with in > 1; nothing for
  /// another tensor.
  const Int8Matrix* find(const at::Tensor& weight);

 private:
  using Place = std::tuple<const void*, int64_t, int64_t>;
  std::unordered_set<const c10::StorageImpl*> storages_;
  std::vector<at::Tensor> parameters_;  ///< keep the storages alive
  std::mutex mutex_;
  std::map<Place, Int8Matrix> matrices_;
};

/// While one lives, nn::linear of this thread takes weights in 8 bits, in inference on a CPU; nullptr changes
/// nothing.
class Int8Scope {
 public:
  explicit Int8Scope(Int8Weights* weights);
  ~Int8Scope();
  Int8Scope(const Int8Scope&) = delete;
  Int8Scope& operator=(const Int8Scope&) = delete;

 private:
  Int8Weights* outer_;
};

/// The weight's 8-bit form where the scope in force asks for it, nullptr elsewhere.
const Int8Matrix* int8_form(const at::Tensor& x, const at::Tensor& weight);

/// activation(x W^T + b) with each row of x rounded to 8 bits as well and sums in integers (Zafrir et al.,
/// Q8BERT, 2019, with a scale per row): a sample's result depends neither on its batch nor on the number of
/// threads. x: [..., in]; returns [..., out] in x's type.
at::Tensor int8_linear(const at::Tensor& x, const Int8Matrix& weight, const at::Tensor& bias,
                       Activation after);

}  // namespace arzoo::kernels
