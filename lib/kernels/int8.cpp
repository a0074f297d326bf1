#include "kernels/int8.h"

#include <torch/torch.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <vector>

#include "kernels/float_rows.h"
#include "kernels/flop_counter.h"
#include "kernels/int8_products.h"
#include "kernels/multiversion.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"

namespace arzoo::kernels {
namespace {

constexpr float kLargest = 127.0F;
constexpr int64_t kQuantizeGrain = 1 << 14;
/// Integer sums that are held at a time: what is beyond the 32 MB that glibc's allocator keeps would be pages
/// that the system clears at every product, which takes longer than the product.
constexpr int64_t kSumsAtOnce = 1 << 22;

/// Rows that a product is memory-bound with, whatever the processor.
constexpr int64_t kFewRows = 8;
/// A block of the product: whole groups of rows of x, whose numbers of one depth stay in the second cache,
/// and columns of sums.
constexpr int64_t kBlockRows = 16 * kInt8Group, kSumColumns = 128;
constexpr int64_t kProductGrain = 1 << 16;

/// The largest magnitude of a row as its bits: they are in the order of the magnitudes, with those of
/// infinity and NaN on top, and a maximum of integers is one that the compiler vectorises.
ARZOO_INTO_CLONES uint32_t largest_magnitude(const float* x, int64_t width) {
  constexpr uint32_t kWithoutSign = 0x7fffffffU;
  uint32_t largest = 0;
  for (int64_t j = 0; j < width; ++j)
    largest = std::max(largest, std::bit_cast<uint32_t>(x[j]) & kWithoutSign);
  return largest;
}

template <class Integer>
ARZOO_INTO_CLONES float rounded_row(const float* x, Integer* out, int64_t width) {
  constexpr uint32_t kInfinity = 0x7f800000U;
  constexpr float kToNearest = 12582912.0F;  // a sum with it has the nearest integer in its low bits
  const uint32_t largest = largest_magnitude(x, width);
  const bool usable = largest > 0 && largest < kInfinity;
  const float inverse = usable ? kLargest / std::bit_cast<float>(largest) : 0.0F;
  for (int64_t j = 0; j < width; ++j) {
    const float scaled = x[j] * inverse;
    out[j] = usable ? static_cast<int8_t>(std::bit_cast<int32_t>(scaled + kToNearest)) : Integer{0};
  }
  return largest < kInfinity ? std::bit_cast<float>(largest) / kLargest
                             : std::numeric_limits<float>::quiet_NaN();
}

/// One row; returns its scale: 0 for a row of zeros, NaN for one with a value that is not finite.
ARZOO_CLONES float quantize_row(const float* x, int8_t* out, int64_t width) {
  return rounded_row(x, out, width);
}
/// The same, each number in 16 bits.
ARZOO_CLONES float quantize_row(const float* x, int16_t* out, int64_t width) {
  return rounded_row(x, out, width);
}

ARZOO_CLONES void scale_row(const int32_t* sums, float scale, const float* scales, const float* bias,
                            float* out, int64_t width) {
  for (int64_t j = 0; j < width; ++j) out[j] = static_cast<float>(sums[j]) * (scale * scales[j]) + bias[j];
}

ARZOO_CLONES void relu_row(float* x, int64_t width) {
  for (int64_t j = 0; j < width; ++j) x[j] = x[j] < 0.0F ? 0.0F : x[j];  // NaN stays
}

/// x / (1 + e^(-2u)) with u = sqrt(2 / pi) (x + 0.044715 x^3), which is the tanh form of the GELU.
ARZOO_CLONES void gelu_tanh_row(float* x, int64_t width) {
  constexpr float kTwiceRoot = 1.5957691216F, kCubic = 0.044715F;
  for (int64_t j = 0; j < width; ++j) {
    const float twice = kTwiceRoot * (x[j] + kCubic * x[j] * x[j] * x[j]);
    const float e = exp_nonpositive(twice < 0.0F ? twice : -twice);
    x[j] = x[j] * (twice < 0.0F ? e : 1.0F) / (1.0F + e);
  }
}

ARZOO_CLONES void silu_row(float* x, int64_t width) {
  for (int64_t j = 0; j < width; ++j) x[j] = silu(x[j]);
}

/// Calls body(begin, end) for runs of rows, on as many threads as the work is worth.
template <class Body>
void for_rows(int64_t rows, int64_t width, const Body& body) {
  parallel_for(rows, std::max<int64_t>(1, kQuantizeGrain / std::max<int64_t>(width, 1)), body);
}

/// x: contiguous. Integer: what its numbers are kept in.
template <class Scalar, class Integer>
Int8Matrix quantized(const at::Tensor& x) {
  const int64_t rows = x.size(0), width = x.size(1);
  Int8Matrix matrix{at::empty({rows, width}, c10::CppTypeToScalarType<Integer>::value),
                    at::empty({rows}, at::kFloat)};
  const auto* in = x.const_data_ptr<Scalar>();
  auto* values = matrix.values.mutable_data_ptr<Integer>();
  auto* scales = matrix.scales.mutable_data_ptr<float>();
  for_rows(rows, width, [&](int64_t begin, int64_t end) {
    FloatRows row(width);
    for (int64_t i = begin; i < end; ++i)
      scales[i] = quantize_row(row.read(in + i * width, 1), values + i * width, width);
  });
  return matrix;
}

template <class Integer>
Int8Matrix quantized_as(const at::Tensor& x) {
  if (x.scalar_type() == at::kBFloat16) return quantized<at::BFloat16, Integer>(x.contiguous());
  return quantized<float, Integer>(x.to(at::kFloat).contiguous());
}

/// What becomes of the integer sums.
struct Epilogue {
  const float *scales, *bias;
  Activation after;
};

/// Writes `count` sums of one row, from column `first` on, as results.
template <class Scalar>
void finish_row(const int32_t* sums, float row_scale, const Epilogue& epilogue, int64_t first, int64_t count,
                RowSink& sink, Scalar* out) {
  float* const row = sink.room(out, 1);
  scale_row(sums, row_scale, epilogue.scales + first, epilogue.bias + first, row, count);
  if (epilogue.after == Activation::relu) relu_row(row, count);
  if (epilogue.after == Activation::gelu_tanh) gelu_tanh_row(row, count);
  if (epilogue.after == Activation::silu) silu_row(row, count);
  sink.done(out, 1);
}

template <class Scalar>
void finish(const at::Tensor& sums, const float* row_scales, const Epilogue& epilogue, Scalar* out) {
  const int64_t width = sums.size(1);
  const auto* from = sums.const_data_ptr<int32_t>();
  for_rows(sums.size(0), width, [&](int64_t begin, int64_t end) {
    RowSink sink(width);
    for (int64_t i = begin; i < end; ++i)
      finish_row(from + i * width, row_scales[i], epilogue, 0, width, sink, out + i * width);
  });
}

/// The product by LibTorch's integers. x: [rows, in]; out: [rows, width], contiguous.
template <class Scalar>
void libtorch_product(const at::Tensor& x, const Int8Matrix& weight, const Epilogue& epilogue,
                      const at::Tensor& out) {
  const auto rows = quantize_rows(x);
  const auto sums = at::_int_mm(rows.values, weight.values.t());
  finish(sums, rows.scales.const_data_ptr<float>(), epilogue, out.mutable_data_ptr<Scalar>());
}

/// Rows of 16-bit integers in the order that the kernel reads them.
at::Tensor in_kernel_order(const at::Tensor& rows) {
  const int64_t count = rows.size(0), width = rows.size(1);
  if (count <= kFewInt8Rows) return rows;
  const auto out = at::empty({count * interleaved_width(width)}, rows.options());
  const auto* from = rows.const_data_ptr<int16_t>();
  auto* to = out.mutable_data_ptr<int16_t>();
  for_rows((count + kInt8Group - 1) / kInt8Group, width * kInt8Group, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * kInt8Group;
    interleave_rows(from + first * width, std::min(end * kInt8Group, count) - first, width,
                    to + first * interleaved_width(width));
  });
  return out;
}

/// The product by this program's kernel, in blocks of rows and columns that become results while their sums
/// are in the cache.
template <class Scalar>
void blocked_product(const at::Tensor& x, const Int8Matrix& weight, const Epilogue& epilogue,
                     const at::Tensor& out) {
  const int64_t count = x.size(0), in = x.size(1), width = weight.values.size(0);
  count_flops(2.0 * static_cast<double>(count * in * width));
  const auto rounded = quantized_as<int16_t>(x);
  const auto rows = in_kernel_order(rounded.values);
  const auto* from = rows.const_data_ptr<int16_t>();
  const auto* scales = rounded.scales.const_data_ptr<float>();
  const auto* weights = weight.values.const_data_ptr<int8_t>();
  auto* to = out.mutable_data_ptr<Scalar>();
  const bool few = count <= kFewInt8Rows;
  const int64_t row_blocks = (count + kBlockRows - 1) / kBlockRows,
                column_blocks = (width + kSumColumns - 1) / kSumColumns;
  const int64_t work = std::min(count, kBlockRows) * kSumColumns * in;
  parallel_for(
      row_blocks * column_blocks, std::max<int64_t>(1, kProductGrain / std::max<int64_t>(work, 1)),
      [&](int64_t begin, int64_t end) {
        std::vector<int32_t> sums(std::min(count, kBlockRows) * kSumColumns);
        for (int64_t block = begin; block < end; ++block) {
          const int64_t i = block / column_blocks * kBlockRows, j = block % column_blocks * kSumColumns;
          const Int8Block size{std::min(kBlockRows, count - i), std::min(kSumColumns, width - j), in};
          const auto* own = weights + j * in;
          few ? int8_sums_of_few(from, own, size, sums.data(), kSumColumns)
              : int8_sums(from + i * interleaved_width(in), own, size, sums.data(), kSumColumns);
          RowSink sink(size.columns);
          for (int64_t r = 0; r < size.rows; ++r)
            finish_row(sums.data() + r * kSumColumns, scales[i + r], epilogue, j, size.columns, sink,
                       to + (i + r) * width + j);
        }
      });
}

template <class Scalar>
void integer_product(const at::Tensor& x, const Int8Matrix& weight, const Epilogue& epilogue,
                     const at::Tensor& out) {
  const bool many = x.size(0) > kFewRows && has_vnni();
  many ? libtorch_product<Scalar>(x, weight, epilogue, out)
       : blocked_product<Scalar>(x, weight, epilogue, out);
}

}  // namespace

Int8Matrix quantize_rows(const at::Tensor& x) { return quantized_as<int8_t>(x); }

bool fits_int8(const at::Tensor& weight) {
  return weight.is_cpu() && weight.is_floating_point() && weight.dim() == 2 && weight.size(0) > 0 &&
         weight.size(1) > 1;
}

at::Tensor int8_weight(const at::Tensor& weight) { return int8_tensor(quantize_rows(weight.detach())); }

at::Tensor int8_tensor(const Int8Matrix& rows) {
  const auto zeros = at::zeros_like(rows.scales);
  auto packed = at::_empty_per_channel_affine_quantized(rows.values.sizes(), rows.scales, zeros, /*axis=*/0,
                                                        at::kQInt8);
  std::copy_n(rows.values.const_data_ptr<int8_t>(), rows.values.numel(),
              reinterpret_cast<int8_t*>(packed.mutable_data_ptr<c10::qint8>()));
  return packed;
}

Int8Matrix int8_operands(const at::Tensor& weight) {
  auto values = at::empty({0}, at::kChar);
  values.set_(weight.storage(), weight.storage_offset(), weight.sizes(), weight.strides());
  return {values, weight.q_per_channel_scales()};
}

at::Tensor int8_rows(const at::Tensor& table, const at::Tensor& ids) {
  const auto operands = int8_operands(table);
  const auto flat = ids.flatten();
  const auto rows = operands.values.index_select(0, flat).to(at::kFloat) *
                    operands.scales.index_select(0, flat).unsqueeze(1);
  auto sizes = ids.sizes().vec();
  sizes.push_back(table.size(1));
  return rows.view(sizes);
}

at::Tensor int8_linear(const at::Tensor& x, const Int8Matrix& weight, const at::Tensor& bias,
                       Activation after) {
  const int64_t width = weight.values.size(0);
  const auto rows = x.reshape({-1, x.size(-1)});
  const auto added = bias.defined() ? bias.to(at::kFloat).contiguous() : at::zeros({width}, at::kFloat);
  const Epilogue epilogue{weight.scales.const_data_ptr<float>(), added.const_data_ptr<float>(), after};
  // The exact GELU is LibTorch's, in fp32.
  const bool half = x.scalar_type() == at::kBFloat16 && after != Activation::gelu;
  auto out = at::empty({rows.size(0), width}, half ? at::kBFloat16 : at::kFloat);
  const int64_t at_once = std::max<int64_t>(1, kSumsAtOnce / width);
  for (int64_t first = 0; first < rows.size(0); first += at_once) {
    const int64_t count = std::min(at_once, rows.size(0) - first);
    const auto part = rows.narrow(0, first, count), to = out.narrow(0, first, count);
    half ? integer_product<at::BFloat16>(part, weight, epilogue, to)
         : integer_product<float>(part, weight, epilogue, to);
  }
  if (after == Activation::gelu) at::gelu_(out);
  auto sizes = x.sizes().vec();
  sizes.back() = width;
  return out.view(sizes).to(x.scalar_type());
}

}  // namespace arzoo::kernels
