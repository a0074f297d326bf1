#include "kernels/rms_norm.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/multiversion.h"
#include "kernels/parallel.h"
#include "kernels/resident.h"
#include "kernels/simd.h"

namespace arzoo::kernels {
namespace {

constexpr int64_t kRmsGrain = 64;

/// One row, rounded where the official code rounds: the quotient, then its product with the weight.
template <class Scalar>
ARZOO_INTO_CLONES void rms_norm_row(const Scalar* x, const Scalar* weight, Scalar* out, int64_t width,
                                    float eps) {
  float squares[kLanes] = {};
  const int64_t whole = width / kLanes * kLanes;
  for (int64_t d = 0; d < whole; d += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      const auto value = static_cast<float>(x[d + lane]);
      squares[lane] += value * value;
    }
  }
  float square = 0.0F;
  for (int64_t d = whole; d < width; ++d) square += static_cast<float>(x[d]) * static_cast<float>(x[d]);
  for (const float part : squares) square += part;
  const float scale = 1.0F / std::sqrt(square / static_cast<float>(width) + eps);
  for (int64_t d = 0; d < width; ++d) {
    const auto normed = static_cast<Scalar>(static_cast<float>(x[d]) * scale);
    out[d] = static_cast<Scalar>(static_cast<float>(normed) * static_cast<float>(weight[d]));
  }
}

struct NormRows {
  int64_t begin, end, width;
};

ARZOO_CLONES void norm_rows(const float* x, const float* weight, float* out, NormRows rows, float eps) {
  for (int64_t i = rows.begin; i < rows.end; ++i)
    rms_norm_row(x + i * rows.width, weight, out + i * rows.width, rows.width, eps);
}
ARZOO_CLONES void norm_rows(const at::BFloat16* x, const at::BFloat16* weight, at::BFloat16* out,
                            NormRows rows, float eps) {
  for (int64_t i = rows.begin; i < rows.end; ++i)
    rms_norm_row(x + i * rows.width, weight, out + i * rows.width, rows.width, eps);
}

bool fits_rms_norm(const at::Tensor& x, const at::Tensor& weight) {
  const auto type = x.scalar_type();
  return !at::GradMode::is_enabled() && x.is_cpu() && (type == at::kFloat || type == at::kBFloat16) &&
         weight.scalar_type() == type && is_resident(weight);
}

template <class Scalar>
at::Tensor fused_rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const auto rows = x.contiguous();
  auto out = at::empty_like(rows);
  const int64_t width = x.size(-1), count = x.numel() / std::max<int64_t>(width, 1);
  const auto* from = rows.const_data_ptr<Scalar>();
  const auto* scale = weight.const_data_ptr<Scalar>();
  auto* to = out.mutable_data_ptr<Scalar>();
  parallel_for(count, kRmsGrain, [&](int64_t begin, int64_t end) {
    norm_rows(from, scale, to, {begin, end, width}, static_cast<float>(eps));
  });
  return out;
}

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  if (fits_rms_norm(x, weight)) {
    return x.scalar_type() == at::kFloat ? fused_rms_norm<float>(x, weight, eps)
                                         : fused_rms_norm<at::BFloat16>(x, weight, eps);
  }
  const auto wide = x.to(at::kFloat);
  const auto normed = wide * at::rsqrt(wide.square().mean(-1, /*keepdim=*/true) + eps);
  return weight * normed.to(x.scalar_type());
}

}  // namespace arzoo::kernels
