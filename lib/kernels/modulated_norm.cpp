#include "kernels/modulated_norm.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/float_rows.h"
#include "kernels/multiversion.h"
#include "kernels/parallel.h"
#include "kernels/resident.h"
#include "kernels/simd.h"

namespace arzoo::kernels {
namespace {

constexpr int64_t kModulationGrain = 1 << 14;

ARZOO_CLONES void add_gated(float* x, const float* branch, const float* gate, int64_t width) {
  for (int64_t d = 0; d < width; ++d) x[d] += branch[d] * gate[d];
}

ARZOO_CLONES void add_plain(float* x, const float* branch, int64_t width) {
  for (int64_t d = 0; d < width; ++d) x[d] += branch[d];
}

/// One row. Sums run_modulation in kLanes interleaved partial sums: an order the compiler may vectorise.
ARZOO_CLONES void modulated_norm_row(const float* x, const float* scale, const float* shift, float* out,
                                     int64_t width, float eps, bool centred) {
  float sums[kLanes] = {}, squares[kLanes] = {};
  const int64_t whole = width / kLanes * kLanes;
  for (int64_t d = 0; d < whole; d += kLanes) {
    for (int64_t j = 0; j < kLanes; ++j) sums[j] += x[d + j];
  }
  float sum = 0.0F, square = 0.0F;
  for (int64_t d = whole; d < width; ++d) sum += x[d];
  for (const float part : sums) sum += part;
  const float mean = centred ? sum / static_cast<float>(width) : 0.0F;
  for (int64_t d = 0; d < whole; d += kLanes) {
    for (int64_t j = 0; j < kLanes; ++j) squares[j] += (x[d + j] - mean) * (x[d + j] - mean);
  }
  for (int64_t d = whole; d < width; ++d) square += (x[d] - mean) * (x[d] - mean);
  for (const float part : squares) square += part;
  const float inverse = 1.0F / std::sqrt(square / static_cast<float>(width) + eps);
  for (int64_t d = 0; d < width; ++d) out[d] = (x[d] - mean) * inverse * (1.0F + scale[d]) + shift[d];
}

/// A [B, 1 or L, D] table of fp32 or bf16, by row.
class Table {
 public:
  explicit Table(const at::Tensor& table)
      : values_(in_rows(table)),
        half_(values_.scalar_type() == at::kBFloat16),
        batch_(values_.size(0) == 1 ? 0 : values_.stride(0)),
        token_(values_.size(1) == 1 ? 0 : values_.stride(1)) {}

  /// In fp32; `buffer` is the caller's thread's, and where a row of bf16 is converted to.
  const float* row(int64_t b, int64_t token, FloatRows& buffer) const {
    const int64_t place = b * batch_ + token * token_;
    return half_ ? buffer.read(static_cast<const at::BFloat16*>(values_.const_data_ptr()) + place, 1)
                 : static_cast<const float*>(values_.const_data_ptr()) + place;
  }

 private:
  static at::Tensor in_rows(const at::Tensor& table) {
    const auto typed = table.scalar_type() == at::kBFloat16 ? table : table.to(at::kFloat);
    return typed.stride(2) == 1 ? typed : typed.contiguous();
  }

  at::Tensor values_;
  bool half_;
  int64_t batch_, token_;
};

/// `branch` null: nothing is added to x.
template <class Branch, class Out>
void run_modulation(const at::Tensor& x, float* sum, const Branch* branch, const Table* gate,
                    const Modulation& modulation, const NormForm& form, Out* out) {
  const int64_t tokens = x.size(1), width = x.size(2);
  const Table scale(modulation.scale), shift(modulation.shift);
  const float* from = x.const_data_ptr<float>();
  parallel_for(x.size(0) * tokens, std::max<int64_t>(1, kModulationGrain / width),
               [&](int64_t begin, int64_t end) {
                 FloatRows added(width), gates(width), scales(width), shifts(width);
                 RowSink sink(width);
                 for (int64_t i = begin; i < end; ++i) {
                   const int64_t b = i / tokens, token = i % tokens;
                   if (branch != nullptr) {
                     const float* row = added.read(branch + i * width, 1);
                     gate == nullptr ? add_plain(sum + i * width, row, width)
                                     : add_gated(sum + i * width, row, gate->row(b, token, gates), width);
                   }
                   modulated_norm_row(from + i * width, scale.row(b, token, scales),
                                      shift.row(b, token, shifts), sink.room(out + i * width, 1), width,
                                      static_cast<float>(form.eps), form.centred);
                   sink.done(out + i * width, 1);
                 }
               });
}

template <class Branch>
at::Tensor fused_modulation(const at::Tensor& x, float* sum, const Branch* branch, const Table* gate,
                            const Modulation& modulation, const NormForm& form, at::ScalarType type) {
  auto out = at::empty(x.sizes(), x.options().dtype(type));
  if (type == at::kBFloat16) {
    run_modulation(x, sum, branch, gate, modulation, form, out.mutable_data_ptr<at::BFloat16>());
  } else {
    run_modulation(x, sum, branch, gate, modulation, form, out.mutable_data_ptr<float>());
  }
  return out;
}

bool fits_modulation(const at::Tensor& x, const Modulation& modulation, at::ScalarType type) {
  return is_resident(modulation.scale) && is_resident(modulation.shift) && !at::GradMode::is_enabled() &&
         x.is_cpu() && x.scalar_type() == at::kFloat && x.is_contiguous() && x.numel() > 0 &&
         (type == at::kFloat || type == at::kBFloat16);
}

at::Tensor composed(const at::Tensor& x, const Modulation& modulation, const NormForm& form,
                    at::ScalarType type) {
  const auto normed = form.centred ? at::layer_norm(x, {x.size(-1)}, {}, {}, form.eps)
                                   : x * at::rsqrt(x.square().mean(-1, /*keepdim=*/true) + form.eps);
  return normed.mul(modulation.scale + 1).add_(modulation.shift).to(type);
}

}  // namespace

at::Tensor modulated_norm(const at::Tensor& x, const Modulation& modulation, const NormForm& form,
                          at::ScalarType type) {
  if (!fits_modulation(x, modulation, type)) return composed(x, modulation, form, type);
  return fused_modulation<float>(x, nullptr, nullptr, nullptr, modulation, form, type);
}

at::Tensor gated_modulated_norm(at::Tensor& x, const at::Tensor& branch, const at::Tensor& gate,
                                const Modulation& modulation, const NormForm& form, at::ScalarType type) {
  const bool typed = branch.scalar_type() == at::kFloat || branch.scalar_type() == at::kBFloat16;
  if (!fits_modulation(x, modulation, type) || !is_resident(gate) || !typed) {
    x.add_(gate.defined() ? branch * gate : branch);
    return composed(x, modulation, form, type);
  }
  const auto added = branch.contiguous();
  const std::optional<Table> table = gate.defined() ? std::optional<Table>(gate) : std::nullopt;
  const Table* const gates = table ? &*table : nullptr;
  float* const sum = x.mutable_data_ptr<float>();
  if (added.scalar_type() == at::kBFloat16)
    return fused_modulation(x, sum, added.const_data_ptr<at::BFloat16>(), gates, modulation, form, type);
  return fused_modulation(x, sum, added.const_data_ptr<float>(), gates, modulation, form, type);
}

}  // namespace arzoo::kernels
