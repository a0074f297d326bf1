#include "forecast/layers/series_decomposition.h"

#include <torch/torch.h>

#include <vector>

#include "kernels/dropout.h"
#include "kernels/moving_mean.h"

namespace arzoo::forecast {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Residual {
  double dropout = 0.0;
  int64_t key = 0;
  bool drops() const { return dropout > 0.0; }
  kernels::DropoutMask mask() const { return {key, dropout}; }
};

/// seasonal and, if asked for, trend of x + dropout(y), or of x where y is empty.
template <class Scalar>
variable_list split(const at::Tensor& x, const at::Tensor& y, int64_t moving_avg, const Residual& residual,
                    bool with_trend) {
  auto seasonal = at::empty_like(x);
  auto trend = with_trend ? at::empty_like(x) : at::Tensor();
  const auto* left = x.const_data_ptr<Scalar>();
  const auto* right = y.numel() > 0 ? y.const_data_ptr<Scalar>() : nullptr;
  auto* to_seasonal = seasonal.template mutable_data_ptr<Scalar>();
  auto* to_trend = with_trend ? trend.template mutable_data_ptr<Scalar>() : nullptr;
  const int64_t size = x.size(1) * kernels::kBlockColumns;
  kernels::for_each_block(x.size(0), x.size(2), 2 * size, size,
                          [&](int64_t b, int64_t column, float* scratch) {
                            const auto place = kernels::block_place(x, b, column);
                            float *const sum = scratch, *const mean = scratch + size;
                            kernels::load_block(left, place, sum);
                            if (right != nullptr) {
                              kernels::load_block(right, place, mean);
                              if (residual.drops()) kernels::drop_block(mean, place, residual.mask());
                              kernels::add_to(mean, sum, size);
                            }
                            kernels::moving_mean(sum, mean, place.rows, moving_avg / 2);
                            if (to_trend != nullptr) kernels::store_block(mean, place, to_trend);
                            kernels::subtract_from(sum, mean, size);
                            kernels::store_block(mean, place, to_seasonal);
                          });
  return with_trend ? variable_list{seasonal, trend} : variable_list{seasonal};
}

/// Gradients of x and of y, given those of seasonal and trend, either of which may be undefined.
template <class Scalar>
variable_list split_backward(const at::Tensor& seasonal, const at::Tensor& trend, int64_t moving_avg,
                             const Residual& residual) {
  const auto& any = seasonal.defined() ? seasonal : trend;
  auto x = at::empty_like(any), y = residual.drops() ? at::empty_like(any) : x;
  const auto* from_seasonal = seasonal.defined() ? seasonal.const_data_ptr<Scalar>() : nullptr;
  const auto* from_trend = trend.defined() ? trend.const_data_ptr<Scalar>() : nullptr;
  auto* to_x = x.template mutable_data_ptr<Scalar>();
  auto* to_y = y.template mutable_data_ptr<Scalar>();
  const int64_t size = any.size(1) * kernels::kBlockColumns;
  kernels::for_each_block(
      any.size(0), any.size(2), 3 * size, size, [&](int64_t b, int64_t column, float* scratch) {
        const auto place = kernels::block_place(any, b, column);
        float *const direct = scratch, *const difference = direct + size, *const spread = difference + size;
        if (from_seasonal != nullptr) kernels::load_block(from_seasonal, place, direct);
        if (from_trend != nullptr) kernels::load_block(from_trend, place, difference);
        // Without a tensor a block is zero, but `difference` has served the block before.
        if (from_trend == nullptr) std::fill(difference, difference + size, 0.0F);
        for (int64_t i = 0; i < size; ++i) difference[i] -= direct[i];
        kernels::moving_mean_transposed(difference, spread, place.rows, moving_avg / 2);
        kernels::add_to(spread, direct, size);
        kernels::store_block(direct, place, to_x);
        if (residual.drops()) {
          kernels::drop_block(direct, place, residual.mask());
          kernels::store_block(direct, place, to_y);
        }
        if (from_seasonal == nullptr) std::fill(direct, direct + size, 0.0F);
      });
  return {x, y};
}

struct DecompositionFunction : torch::autograd::Function<DecompositionFunction> {
  static variable_list forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& y,
                               int64_t moving_avg, double dropout, int64_t key, bool with_trend) {
    context->set_materialize_grads(false);
    context->saved_data["moving_avg"] = moving_avg;
    context->saved_data["dropout"] = dropout;
    context->saved_data["key"] = key;
    const Residual residual{dropout, key};
    return x.scalar_type() == at::kFloat ? split<float>(x, y, moving_avg, residual, with_trend)
                                         : split<at::BFloat16>(x, y, moving_avg, residual, with_trend);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const Residual residual{context->saved_data["dropout"].toDouble(), context->saved_data["key"].toInt()};
    const int64_t moving_avg = context->saved_data["moving_avg"].toInt();
    const auto seasonal = gradients[0].defined() ? gradients[0].contiguous() : at::Tensor();
    const auto trend =
        gradients.size() > 1 && gradients[1].defined() ? gradients[1].contiguous() : at::Tensor();
    if (!seasonal.defined() && !trend.defined()) return variable_list(6);
    const auto type = (seasonal.defined() ? seasonal : trend).scalar_type();
    const auto parts = type == at::kFloat
                           ? split_backward<float>(seasonal, trend, moving_avg, residual)
                           : split_backward<at::BFloat16>(seasonal, trend, moving_avg, residual);
    return {parts[0], parts[1], at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

bool takes_own_decomposition(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) && x.numel() > 0 &&
         x.numel() < (int64_t{1} << 32);
}

/// In LibTorch's own operations: for devices and types without a kernel.
Decomposition composed_decomposition(const at::Tensor& x, int64_t moving_avg) {
  const int64_t half = moving_avg / 2, length = x.size(1);
  const auto ends = at::cat(
      {x.narrow(1, 0, 1).expand({-1, half, -1}), x, x.narrow(1, length - 1, 1).expand({-1, half, -1})}, 1);
  const auto trend = at::avg_pool1d(ends.transpose(1, 2), {moving_avg}, {1}).transpose(1, 2);
  return {x - trend, trend};
}

Decomposition run_decomposition(const at::Tensor& x, const at::Tensor& y, int64_t moving_avg, double dropout,
                                bool with_trend) {
  const bool drops = dropout > 0.0 && y.defined();
  if (!takes_own_decomposition(x))
    return composed_decomposition(y.defined() ? kernels::residual_dropout(x, y, dropout, drops) : x,
                                  moving_avg);
  // A custom function takes no undefined tensor.
  const auto right = y.defined() ? y.to(x.scalar_type()).contiguous() : at::empty({0}, x.options());
  const auto parts = DecompositionFunction::apply(x.contiguous(), right, moving_avg, drops ? dropout : 0.0,
                                                  drops ? kernels::sample_dropout_key() : 0, with_trend);
  return {parts[0], with_trend ? parts[1] : at::Tensor()};
}

}  // namespace

Decomposition decompose(const at::Tensor& x, int64_t moving_avg) {
  return run_decomposition(x, {}, moving_avg, 0.0, true);
}

Decomposition residual_decompose(const at::Tensor& x, const at::Tensor& y, int64_t moving_avg, double dropout,
                                 bool training) {
  return run_decomposition(x, y, moving_avg, training ? dropout : 0.0, true);
}

at::Tensor residual_seasonal(const at::Tensor& x, const at::Tensor& y, int64_t moving_avg, double dropout,
                             bool training) {
  return run_decomposition(x, y, moving_avg, training ? dropout : 0.0, false).seasonal;
}

}  // namespace arzoo::forecast
