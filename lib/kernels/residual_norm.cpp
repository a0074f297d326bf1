#include "kernels/residual_norm.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/dropout.h"
#include "kernels/linear.h"
#include "kernels/multiversion.h"
#include "kernels/parallel.h"
#include "kernels/resident.h"
#include "kernels/simd.h"

namespace arzoo::kernels {
namespace {

constexpr int64_t kResidualGrain = 32;

struct NormParameters {
  const float *bias, *gamma, *beta;
  int64_t width;
  float epsilon;
};

/// out = LN(x + y + bias), one row. Sums run in kLanes interleaved partial sums: an order the compiler may
/// vectorise.
ARZOO_CLONES void residual_norm_row(const float* x, const float* y, float* out, NormParameters n) {
  float sums[kLanes] = {}, squares[kLanes] = {};
  const int64_t whole = n.width / kLanes * kLanes;
  for (int64_t d = 0; d < n.width; ++d) out[d] = x[d] + y[d] + n.bias[d];
  for (int64_t d = 0; d < whole; d += kLanes) {
    for (int64_t j = 0; j < kLanes; ++j) sums[j] += out[d + j];
  }
  float sum = 0.0F, square = 0.0F;
  for (int64_t d = whole; d < n.width; ++d) sum += out[d];
  for (int64_t j = 0; j < kLanes; ++j) sum += sums[j];
  const float mean = sum / static_cast<float>(n.width);
  for (int64_t d = 0; d < whole; d += kLanes) {
    for (int64_t j = 0; j < kLanes; ++j) squares[j] += (out[d + j] - mean) * (out[d + j] - mean);
  }
  for (int64_t d = whole; d < n.width; ++d) square += (out[d] - mean) * (out[d] - mean);
  for (int64_t j = 0; j < kLanes; ++j) square += squares[j];
  const float scale = 1.0F / std::sqrt(square / static_cast<float>(n.width) + n.epsilon);
  for (int64_t d = 0; d < n.width; ++d) out[d] = (out[d] - mean) * scale * n.gamma[d] + n.beta[d];
}

bool fits_residual_norm(const at::Tensor& x, const at::Tensor& y, const at::Tensor& weight,
                        const torch::nn::LayerNorm& norm) {
  return !at::GradMode::is_enabled() && x.is_cpu() && x.scalar_type() == at::kFloat &&
         y.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat && norm->weight.defined() &&
         norm->weight.numel() == x.size(-1) && is_resident(norm->weight) && is_resident(weight);
}

at::Tensor fused_residual_norm(const at::Tensor& x, const at::Tensor& y, const at::Tensor& weight,
                               const at::Tensor& bias, const torch::nn::LayerNorm& norm) {
  const auto rows_of_x = x.contiguous();
  const int64_t width = x.size(-1), rows = x.numel() / width;
  auto product = kernels::linear(y, weight, {});
  const NormParameters parameters{bias.const_data_ptr<float>(), norm->weight.const_data_ptr<float>(),
                                  norm->bias.const_data_ptr<float>(), width,
                                  static_cast<float>(norm->options.eps())};
  const float* from = rows_of_x.const_data_ptr<float>();
  float* to = product.mutable_data_ptr<float>();
  parallel_for(rows, kResidualGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      residual_norm_row(from + i * width, to + i * width, to + i * width, parameters);
  });
  return product;
}

}  // namespace

at::Tensor residual_norm(const at::Tensor& x, const at::Tensor& y, const at::Tensor& weight,
                         const at::Tensor& bias, double p, torch::nn::LayerNorm& norm) {
  if (fits_residual_norm(x, y, weight, norm)) return fused_residual_norm(x, y, weight, bias, norm);
  return norm(residual_dropout(x, kernels::linear(y, weight, bias), p, norm->is_training()));
}

}  // namespace arzoo::kernels
