#include "forecast/series_decomposition.h"

#include <torch/torch.h>

#include <vector>

#include "forecast/moving_mean.h"
#include "nn/clones.h"
#include "nn/dropout.h"
#include "nn/dropout_mask.h"
#include "nn/parallel.h"

namespace arzoo::forecast {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kGrain = 1 << 15;  // elements that are worth a thread

/// Where a block stands in a [B, L, D] tensor: `rows` rows of `columns` elements, `stride` apart.
struct Place {
  int64_t first, rows, columns, stride;
};

// Blocks are fp32 whatever the tensors are; the pairs below convert on the way in and out.
template <class Scalar>
inline void load_block(const Scalar* x, const Place& place, float* block) {
  for (int64_t t = 0; t < place.rows; ++t) {
    for (int64_t j = 0; j < place.columns; ++j)
      block[t * kBlockColumns + j] = static_cast<float>(x[place.first + t * place.stride + j]);
  }
}

template <class Scalar>
inline void store_block(const float* block, const Place& place, Scalar* x) {
  for (int64_t t = 0; t < place.rows; ++t) {
    for (int64_t j = 0; j < place.columns; ++j)
      x[place.first + t * place.stride + j] = static_cast<Scalar>(block[t * kBlockColumns + j]);
  }
}

ARZOO_CLONES void load(const float* x, const Place& place, float* block) { load_block(x, place, block); }
ARZOO_CLONES void load(const at::BFloat16* x, const Place& place, float* block) {
  load_block(x, place, block);
}
ARZOO_CLONES void store(const float* block, const Place& place, float* x) { store_block(block, place, x); }
ARZOO_CLONES void store(const float* block, const Place& place, at::BFloat16* x) {
  store_block(block, place, x);
}

/// block *= the dropout's factors.
ARZOO_CLONES void drop(float* block, const Place& place, nn::DropoutMask mask) {
  for (int64_t t = 0; t < place.rows; ++t) {
    const auto row = static_cast<uint32_t>(place.first + t * place.stride);
    for (int64_t j = 0; j < place.columns; ++j)
      block[t * kBlockColumns + j] *= mask.factor(row + static_cast<uint32_t>(j));
  }
}

ARZOO_CLONES void add(const float* a, float* b, int64_t size) {
  for (int64_t i = 0; i < size; ++i) b[i] += a[i];
}

ARZOO_CLONES void subtract(const float* a, float* b, int64_t size) {
  for (int64_t i = 0; i < size; ++i) b[i] = a[i] - b[i];
}

/// Calls body(place, scratch) for every block of a [B, L, D] tensor; scratch: `blocks` zeroed blocks.
template <class Body>
void for_each_block(const at::Tensor& x, int64_t blocks, const Body& body) {
  const int64_t rows = x.size(1), width = x.size(2);
  const int64_t across = (width + kBlockColumns - 1) / kBlockColumns, size = rows * kBlockColumns;
  nn::parallel_for(x.size(0) * across, std::max<int64_t>(1, kGrain / size), [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(static_cast<std::size_t>(blocks * size));
    for (int64_t i = begin; i < end; ++i) {
      const int64_t column = i % across * kBlockColumns;
      body(Place{i / across * rows * width + column, rows, std::min(kBlockColumns, width - column), width},
           scratch.data());
    }
  });
}

struct Residual {
  double dropout = 0.0;
  int64_t key = 0;
  bool drops() const { return dropout > 0.0; }
  nn::DropoutMask mask() const { return {key, dropout}; }
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
  const int64_t size = x.size(1) * kBlockColumns;
  for_each_block(x, 2, [&](const Place& place, float* scratch) {
    float *const sum = scratch, *const mean = scratch + size;
    load(left, place, sum);
    if (right != nullptr) {
      load(right, place, mean);
      if (residual.drops()) drop(mean, place, residual.mask());
      add(mean, sum, size);
    }
    moving_mean(sum, mean, place.rows, moving_avg / 2);
    if (to_trend != nullptr) store(mean, place, to_trend);
    subtract(sum, mean, size);
    store(mean, place, to_seasonal);
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
  const int64_t size = any.size(1) * kBlockColumns;
  for_each_block(any, 3, [&](const Place& place, float* scratch) {
    float *const direct = scratch, *const difference = direct + size, *const spread = difference + size;
    if (from_seasonal != nullptr) load(from_seasonal, place, direct);
    if (from_trend != nullptr) load(from_trend, place, difference);
    // Without a tensor a block is zero, but `difference` has served the block before.
    if (from_trend == nullptr) std::fill(difference, difference + size, 0.0F);
    for (int64_t i = 0; i < size; ++i) difference[i] -= direct[i];
    moving_mean_transposed(difference, spread, place.rows, moving_avg / 2);
    add(spread, direct, size);
    store(direct, place, to_x);
    if (residual.drops()) {
      drop(direct, place, residual.mask());
      store(direct, place, to_y);
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

bool own_kernel(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) && x.numel() > 0 &&
         x.numel() < (int64_t{1} << 32);
}

/// In LibTorch's own operations: for devices and types without a kernel.
Decomposition composed(const at::Tensor& x, int64_t moving_avg) {
  const int64_t half = moving_avg / 2, length = x.size(1);
  const auto ends = at::cat(
      {x.narrow(1, 0, 1).expand({-1, half, -1}), x, x.narrow(1, length - 1, 1).expand({-1, half, -1})}, 1);
  const auto trend = at::avg_pool1d(ends.transpose(1, 2), {moving_avg}, {1}).transpose(1, 2);
  return {x - trend, trend};
}

Decomposition run(const at::Tensor& x, const at::Tensor& y, int64_t moving_avg, double dropout,
                  bool with_trend) {
  const bool drops = dropout > 0.0 && y.defined();
  if (!own_kernel(x))
    return composed(y.defined() ? nn::residual_dropout(x, y, dropout, drops) : x, moving_avg);
  // A custom function takes no undefined tensor.
  const auto right = y.defined() ? y.to(x.scalar_type()).contiguous() : at::empty({0}, x.options());
  const auto parts = DecompositionFunction::apply(x.contiguous(), right, moving_avg, drops ? dropout : 0.0,
                                                  drops ? nn::draw_dropout_key() : 0, with_trend);
  return {parts[0], with_trend ? parts[1] : at::Tensor()};
}

}  // namespace

Decomposition decompose(const at::Tensor& x, int64_t moving_avg) { return run(x, {}, moving_avg, 0.0, true); }

Decomposition residual_decompose(const at::Tensor& x, const at::Tensor& y, int64_t moving_avg, double dropout,
                                 bool training) {
  return run(x, y, moving_avg, training ? dropout : 0.0, true);
}

at::Tensor residual_seasonal(const at::Tensor& x, const at::Tensor& y, int64_t moving_avg, double dropout,
                             bool training) {
  return run(x, y, moving_avg, training ? dropout : 0.0, false).seasonal;
}

}  // namespace arzoo::forecast
