#include "kernels/int8.h"

#include <torch/torch.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "kernels/float_rows.h"
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

thread_local Int8Weights* active = nullptr;

/// The largest magnitude of a row as its bits: they are in the order of the magnitudes, with those of
/// infinity and NaN on top, and a maximum of integers is one that the compiler vectorises.
ARZOO_INTO_CLONES uint32_t largest_magnitude(const float* x, int64_t width) {
  constexpr uint32_t kWithoutSign = 0x7fffffffU;
  uint32_t largest = 0;
  for (int64_t j = 0; j < width; ++j)
    largest = std::max(largest, std::bit_cast<uint32_t>(x[j]) & kWithoutSign);
  return largest;
}

/// One row; returns its scale: 0 for a row of zeros, NaN for one with a value that is not finite.
ARZOO_CLONES float quantize_row(const float* x, int8_t* out, int64_t width) {
  constexpr uint32_t kInfinity = 0x7f800000U;
  constexpr float kToNearest = 12582912.0F;  // a sum with it has the nearest integer in its low bits
  const uint32_t largest = largest_magnitude(x, width);
  const bool usable = largest > 0 && largest < kInfinity;
  const float inverse = usable ? kLargest / std::bit_cast<float>(largest) : 0.0F;
  for (int64_t j = 0; j < width; ++j) {
    const float scaled = x[j] * inverse;
    out[j] = usable ? static_cast<int8_t>(std::bit_cast<int32_t>(scaled + kToNearest)) : int8_t{0};
  }
  return largest < kInfinity ? std::bit_cast<float>(largest) / kLargest
                             : std::numeric_limits<float>::quiet_NaN();
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

template <class Scalar>
Int8Matrix quantized(const at::Tensor& x) {
  const int64_t rows = x.size(0), width = x.size(1);
  Int8Matrix matrix{at::empty({rows, width}, at::kChar), at::empty({rows}, at::kFloat)};
  const auto* in = x.const_data_ptr<Scalar>();
  auto* values = matrix.values.mutable_data_ptr<int8_t>();
  auto* scales = matrix.scales.mutable_data_ptr<float>();
  for_rows(rows, width, [&](int64_t begin, int64_t end) {
    FloatRows row(width);
    for (int64_t i = begin; i < end; ++i)
      scales[i] = quantize_row(row.read(in + i * width, 1), values + i * width, width);
  });
  return matrix;
}

/// What becomes of the integer sums.
struct Epilogue {
  const float *scales, *bias;
  Activation after;
};

template <class Scalar>
void finish(const at::Tensor& sums, const float* row_scales, const Epilogue& epilogue, Scalar* out) {
  const int64_t width = sums.size(1);
  const auto* from = sums.const_data_ptr<int32_t>();
  for_rows(sums.size(0), width, [&](int64_t begin, int64_t end) {
    RowSink sink(width);
    for (int64_t i = begin; i < end; ++i) {
      float* const row = sink.room(out + i * width, 1);
      scale_row(from + i * width, row_scales[i], epilogue.scales, epilogue.bias, row, width);
      if (epilogue.after == Activation::relu) relu_row(row, width);
      if (epilogue.after == Activation::gelu_tanh) gelu_tanh_row(row, width);
      if (epilogue.after == Activation::silu) silu_row(row, width);
      sink.done(out + i * width, 1);
    }
  });
}

/// x: [rows, in]; out: [rows, width], contiguous, fp32 or bf16.
void integer_product(const at::Tensor& x, const Int8Matrix& weight, const Epilogue& epilogue,
                     const at::Tensor& out) {
  const auto rows = quantize_rows(x);
  const auto sums = at::_int_mm(rows.values, weight.values.t());
  const auto* scales = rows.scales.const_data_ptr<float>();
  if (out.scalar_type() == at::kBFloat16)
    finish(sums, scales, epilogue, out.mutable_data_ptr<at::BFloat16>());
  else
    finish(sums, scales, epilogue, out.mutable_data_ptr<float>());
}

}  // namespace

Int8Matrix quantize_rows(const at::Tensor& x) {
  if (x.scalar_type() == at::kBFloat16) return quantized<at::BFloat16>(x.contiguous());
  return quantized<float>(x.to(at::kFloat).contiguous());
}

Int8Weights::Int8Weights(const torch::nn::Module& model) : parameters_(model.parameters()) {
  for (const auto& parameter : parameters_) storages_.insert(parameter.storage().unsafeGetStorageImpl());
}

const Int8Matrix* Int8Weights::find(const at::Tensor& weight) {
  // LibTorch 2.11's integer product of a single column is wrong, and there is nothing to gain in one.
  if (weight.dim() != 2 || weight.size(1) == 1 || !weight.has_storage() ||
      !storages_.contains(weight.storage().unsafeGetStorageImpl()))
    return nullptr;
  const Place place{weight.const_data_ptr(), weight.size(0), weight.size(1)};
  const std::lock_guard<std::mutex> lock(mutex_);
  auto found = matrices_.find(place);
  if (found == matrices_.end()) found = matrices_.emplace(place, quantize_rows(weight)).first;
  return &found->second;
}

Int8Scope::Int8Scope(Int8Weights* weights) : outer_(std::exchange(active, weights)) {
  if (weights == nullptr) active = outer_;
}

Int8Scope::~Int8Scope() { active = outer_; }

const Int8Matrix* int8_form(const at::Tensor& x, const at::Tensor& weight) {
  if (active == nullptr || at::GradMode::is_enabled() || !x.is_cpu() || x.numel() == 0) return nullptr;
  return active->find(weight);
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
    integer_product(rows.narrow(0, first, count), weight, epilogue, out.narrow(0, first, count));
  }
  if (after == Activation::gelu) at::gelu_(out);
  auto sizes = x.sizes().vec();
  sizes.back() = width;
  return out.view(sizes).to(x.scalar_type());
}

}  // namespace arzoo::kernels
