#pragma once

#include "kernels/linear.h"

/// Linear maps whose weights have 4 bits, in groups of 32 numbers of a row with a scale of 16 bits each: 4.5
/// bits a weight, as llama.cpp's Q4_0 has. They pay where reading the weights is most of the time.
namespace arzoo::kernels {

/// Whether a weight is worth it: [out, in] with in of a group or more.
bool fits_int4(const at::Tensor& weight);

/// A weight, [out, in] in any float type, rounded: [out, bytes of a row] uint8 (int4_products.h has the
/// order), which kernels::linear takes in place of the weight. Rounding the
/// numbers that such a tensor stands for changes none of them.
at::Tensor int4_weight(const at::Tensor& weight);

/// Bytes of a row of `width` numbers.
int64_t int4_bytes(int64_t width);

/// The numbers that `rows`, [.., bytes of a row], stand for: [.., width] float.
at::Tensor int4_numbers(const at::Tensor& rows, int64_t width);

/// activation(x W^T + b). Up to 32 rows of x are rounded to 8 bits in groups as well, and products summed in
/// integers: a row's result depends neither on the others nor on the number of threads. More rows are
/// products in fp32. x: [..., in]; weight: of int4_weight; returns [..., out] in x's type.
at::Tensor int4_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                       Activation after);

}  // namespace arzoo::kernels
