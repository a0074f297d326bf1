#pragma once

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
/// For layers that keep nothing else of it (PackedForInference::take_packed).
at::Tensor int8_weight(const at::Tensor& weight);
/// The same of a matrix that is rounded already.
at::Tensor int8_tensor(const Int8Matrix& matrix);
/// The operands that such a tensor holds, views.
Int8Matrix int8_operands(const at::Tensor& weight);
/// Rows of such a table in full precision. ids: long; returns [..., in] float.
at::Tensor int8_rows(const at::Tensor& table, const at::Tensor& ids);

/// activation(x W^T + b) with each row of x rounded to 8 bits as well and sums in integers (Zafrir et al.,
/// Q8BERT, 2019, with a scale per row): a sample's result depends neither on its batch nor on the number of
/// threads. x: [..., in]; returns [..., out] in x's type.
at::Tensor int8_linear(const at::Tensor& x, const Int8Matrix& weight, const at::Tensor& bias,
                       Activation after);

}  // namespace arzoo::kernels
