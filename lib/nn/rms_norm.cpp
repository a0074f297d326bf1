#include "nn/rms_norm.h"

#include <torch/torch.h>

#include <cmath>

#include "nn/clones.h"
#include "nn/parallel.h"

namespace arzoo::nn {
namespace {

constexpr int64_t kLanes = 16;
constexpr int64_t kGrainRows = 64;

/// One row. The sum runs in kLanes interleaved partial sums: an order the compiler may vectorise.
ARZOO_CLONES void norm_row(const float* x, const float* weight, float* out, int64_t width, float eps) {
  float squares[kLanes] = {};
  const int64_t whole = width / kLanes * kLanes;
  for (int64_t d = 0; d < whole; d += kLanes) {
    for (int64_t j = 0; j < kLanes; ++j) squares[j] += x[d + j] * x[d + j];
  }
  float square = 0.0F;
  for (int64_t d = whole; d < width; ++d) square += x[d] * x[d];
  for (int64_t j = 0; j < kLanes; ++j) square += squares[j];
  const float scale = 1.0F / std::sqrt(square / static_cast<float>(width) + eps);
  for (int64_t d = 0; d < width; ++d) out[d] = x[d] * scale * weight[d];
}

bool fits(const at::Tensor& x, const at::Tensor& weight) {
  return !at::GradMode::is_enabled() && x.is_cpu() && x.scalar_type() == at::kFloat &&
         weight.scalar_type() == at::kFloat;
}

at::Tensor fused(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const auto rows = x.contiguous();
  auto out = at::empty_like(rows);
  const int64_t width = x.size(-1), count = x.numel() / std::max<int64_t>(width, 1);
  const auto* from = rows.const_data_ptr<float>();
  const auto* scale = weight.const_data_ptr<float>();
  auto* to = out.mutable_data_ptr<float>();
  parallel_for(count, kGrainRows, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      norm_row(from + i * width, scale, to + i * width, width, static_cast<float>(eps));
  });
  return out;
}

}  // namespace

RmsNorm::RmsNorm(int64_t width, double eps) : eps_(eps) {
  weight_ = register_parameter("weight", torch::ones({width}));
}

at::Tensor RmsNorm::forward(const at::Tensor& x) {
  if (fits(x, weight_)) return fused(x, weight_, eps_);
  const auto wide = x.to(at::kFloat);
  const auto normed = wide * at::rsqrt(wide.square().mean(-1, /*keepdim=*/true) + eps_);
  return weight_ * normed.to(x.scalar_type());
}

}  // namespace arzoo::nn
