#include "nn/adaln.h"

#include <torch/torch.h>

#include <cmath>

#include "nn/clones.h"
#include "nn/float_rows.h"
#include "nn/lanes.h"
#include "nn/parallel.h"

namespace arzoo::nn {
namespace {

constexpr int64_t kGrainElements = 1 << 14;

ARZOO_CLONES void add_gated(float* x, const float* branch, const float* gate, int64_t width) {
  for (int64_t d = 0; d < width; ++d) x[d] += branch[d] * gate[d];
}

/// One row. Sums run in kLanes interleaved partial sums: an order the compiler may vectorise.
ARZOO_CLONES void norm_row(const float* x, const float* scale, const float* shift, float* out, int64_t width,
                           float eps) {
  float sums[kLanes] = {}, squares[kLanes] = {};
  const int64_t whole = width / kLanes * kLanes;
  for (int64_t d = 0; d < whole; d += kLanes) {
    for (int64_t j = 0; j < kLanes; ++j) sums[j] += x[d + j];
  }
  float sum = 0.0F, square = 0.0F;
  for (int64_t d = whole; d < width; ++d) sum += x[d];
  for (const float part : sums) sum += part;
  const float mean = sum / static_cast<float>(width);
  for (int64_t d = 0; d < whole; d += kLanes) {
    for (int64_t j = 0; j < kLanes; ++j) squares[j] += (x[d + j] - mean) * (x[d + j] - mean);
  }
  for (int64_t d = whole; d < width; ++d) square += (x[d] - mean) * (x[d] - mean);
  for (const float part : squares) square += part;
  const float inverse = 1.0F / std::sqrt(square / static_cast<float>(width) + eps);
  for (int64_t d = 0; d < width; ++d) out[d] = (x[d] - mean) * inverse * (1.0F + scale[d]) + shift[d];
}

/// A [B, 1 or L, D] table in fp32, by row.
class Table {
 public:
  explicit Table(const at::Tensor& table)
      : values_(table.to(at::kFloat).contiguous()),
        data_(values_.const_data_ptr<float>()),
        batch_(values_.size(0) == 1 ? 0 : values_.stride(0)),
        token_(values_.size(1) == 1 ? 0 : values_.stride(1)) {}
  const float* row(int64_t b, int64_t token) const { return data_ + b * batch_ + token * token_; }

 private:
  at::Tensor values_;
  const float* data_;
  int64_t batch_, token_;
};

/// `branch` null: nothing is added to x.
template <class Branch, class Out>
void run(const at::Tensor& x, float* sum, const Branch* branch, const Table* gate,
         const Modulation& modulation, double eps, Out* out) {
  const int64_t tokens = x.size(1), width = x.size(2);
  const Table scale(modulation.scale), shift(modulation.shift);
  const float* from = x.const_data_ptr<float>();
  parallel_for(
      x.size(0) * tokens, std::max<int64_t>(1, kGrainElements / width), [&](int64_t begin, int64_t end) {
        FloatRows added(width);
        RowSink sink(width);
        for (int64_t i = begin; i < end; ++i) {
          const int64_t b = i / tokens, token = i % tokens;
          if (branch != nullptr)
            add_gated(sum + i * width, added.read(branch + i * width, 1), gate->row(b, token), width);
          norm_row(from + i * width, scale.row(b, token), shift.row(b, token), sink.room(out + i * width, 1),
                   width, static_cast<float>(eps));
          sink.done(out + i * width, 1);
        }
      });
}

template <class Branch>
at::Tensor fused(const at::Tensor& x, float* sum, const Branch* branch, const Table* gate,
                 const Modulation& modulation, double eps, at::ScalarType type) {
  auto out = at::empty(x.sizes(), x.options().dtype(type));
  if (type == at::kBFloat16) {
    run(x, sum, branch, gate, modulation, eps, out.mutable_data_ptr<at::BFloat16>());
  } else {
    run(x, sum, branch, gate, modulation, eps, out.mutable_data_ptr<float>());
  }
  return out;
}

bool fits(const at::Tensor& x, at::ScalarType type) {
  return !at::GradMode::is_enabled() && x.is_cpu() && x.scalar_type() == at::kFloat && x.is_contiguous() &&
         x.numel() > 0 && (type == at::kFloat || type == at::kBFloat16);
}

at::Tensor composed(const at::Tensor& x, const Modulation& modulation, double eps, at::ScalarType type) {
  const auto normed = at::layer_norm(x, {x.size(-1)}, {}, {}, eps);
  return normed.mul(modulation.scale + 1).add_(modulation.shift).to(type);
}

}  // namespace

at::Tensor modulated_norm(const at::Tensor& x, const Modulation& modulation, double eps,
                          at::ScalarType type) {
  if (!fits(x, type)) return composed(x, modulation, eps, type);
  return fused<float>(x, nullptr, nullptr, nullptr, modulation, eps, type);
}

at::Tensor gated_modulated_norm(at::Tensor& x, const at::Tensor& branch, const at::Tensor& gate,
                                const Modulation& modulation, double eps, at::ScalarType type) {
  const bool typed = branch.scalar_type() == at::kFloat || branch.scalar_type() == at::kBFloat16;
  if (!fits(x, type) || !typed) {
    x.add_(branch * gate);
    return composed(x, modulation, eps, type);
  }
  const auto added = branch.contiguous();
  const Table gates(gate);
  float* const sum = x.mutable_data_ptr<float>();
  if (added.scalar_type() == at::kBFloat16)
    return fused(x, sum, added.const_data_ptr<at::BFloat16>(), &gates, modulation, eps, type);
  return fused(x, sum, added.const_data_ptr<float>(), &gates, modulation, eps, type);
}

}  // namespace arzoo::nn
