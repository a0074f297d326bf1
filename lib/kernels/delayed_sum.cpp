#include "kernels/delayed_sum.h"

#include <torch/library.h>
#include <torch/torch.h>

#include <vector>

#include "kernels/column_blocks.h"
#include "kernels/delayed_rows.h"
#include "kernels/device_kernel.h"
#include "kernels/multiversion.h"

namespace arzoo::kernels {
namespace {

struct Delays {
  const int64_t* delays;
  const float* weights;
  int64_t count, period;
};

/// out[t] = the weighed sum of the rows of `values` that the delays lead to. values: [period, kBlockColumns];
/// out: [rows, kBlockColumns].
ARZOO_CLONES void sum_block(const float* values, const Delays& d, int64_t rows, float* out) {
  for (int64_t t = 0; t < rows; ++t) {
    float sum[kBlockColumns] = {};
    for (int64_t i = 0; i < d.count; ++i) {
      const float* from = values + delayed_row(t, d.delays[i], d.period) * kBlockColumns;
      for (int64_t j = 0; j < kBlockColumns; ++j) sum[j] += d.weights[i] * from[j];
    }
    for (int64_t j = 0; j < kBlockColumns; ++j) out[t * kBlockColumns + j] = sum[j];
  }
}

/// Adds the products of `rows` whole rows to sums, column by column.
inline void multiply_rows(const float* a, const float* b, int64_t rows, float* sums) {
  for (int64_t t = 0; t < rows; ++t) {
    for (int64_t j = 0; j < kBlockColumns; ++j)
      sums[j] += a[t * kBlockColumns + j] * b[t * kBlockColumns + j];
  }
}

/// products[i] += the block's share of the products with delay i. series, values: [period, kBlockColumns].
ARZOO_CLONES void multiply_block(const float* series, const float* values, const Delays& d, float* products) {
  for (int64_t i = 0; i < d.count; ++i) {
    float sums[kBlockColumns] = {};
    const int64_t delay = d.delays[i], before = d.period - delay;
    multiply_rows(series, values + delay * kBlockColumns, before, sums);
    multiply_rows(series + before * kBlockColumns, values, delay, sums);
    for (int64_t j = 0; j < kBlockColumns; ++j) products[i] += sums[j];
  }
}

template <class Scalar>
at::Tensor sum_as(const at::Tensor& values, const at::Tensor& delays, const at::Tensor& weights,
                  int64_t period, int64_t rows) {
  const int64_t batch = values.size(0), width = values.size(2), k = delays.size(1);
  auto out = at::empty({batch, rows, width}, values.options());
  const auto* from = values.const_data_ptr<Scalar>();
  auto* to = out.mutable_data_ptr<Scalar>();
  const int64_t* delay = delays.const_data_ptr<int64_t>();
  const float* weight = weights.const_data_ptr<float>();
  // Rows of the scratch beyond the values' stay zero.
  const int64_t size = period * kBlockColumns;
  for_each_block(batch, width, size + rows * kBlockColumns, k * size,
                 [&](int64_t b, int64_t column, float* scratch) {
                   load_block(from, block_place(values, b, column), scratch);
                   sum_block(scratch, {delay + b * k, weight + b * k, k, period}, rows, scratch + size);
                   store_block(scratch + size, block_place(out, b, column), to);
                 });
  return out;
}

/// Sums over the columns, block by block of each sample: in an order that does not depend on the threads.
template <class Scalar>
at::Tensor products_as(const at::Tensor& series, const at::Tensor& values, const at::Tensor& delays,
                       int64_t period) {
  const int64_t batch = values.size(0), width = values.size(2), k = delays.size(1);
  const int64_t blocks = (width + kBlockColumns - 1) / kBlockColumns, size = period * kBlockColumns;
  const auto products = at::zeros({batch, blocks, k}, values.options().dtype(at::kFloat));
  const auto *left = series.const_data_ptr<Scalar>(), *right = values.const_data_ptr<Scalar>();
  auto* to = products.mutable_data_ptr<float>();
  const int64_t* delay = delays.const_data_ptr<int64_t>();
  for_each_block(batch, width, 2 * size, k * size, [&](int64_t b, int64_t column, float* scratch) {
    const auto place = block_place(values, b, column);
    // A last, narrower block must not see the columns of the one before.
    if (place.columns < kBlockColumns) std::fill(scratch, scratch + 2 * size, 0.0F);
    load_block(left, block_place(series, b, column), scratch);
    load_block(right, place, scratch + size);
    multiply_block(scratch, scratch + size, {delay + b * k, nullptr, k, period},
                   to + (b * blocks + column / kBlockColumns) * k);
  });
  return products.sum(1);
}

at::Tensor sum_on_cpu(const at::Tensor& values, const at::Tensor& delays, const at::Tensor& weights,
                      int64_t period, int64_t rows) {
  return values.scalar_type() == at::kFloat ? sum_as<float>(values, delays, weights, period, rows)
                                            : sum_as<at::BFloat16>(values, delays, weights, period, rows);
}

at::Tensor products_on_cpu(const at::Tensor& series, const at::Tensor& values, const at::Tensor& delays,
                           int64_t period) {
  return values.scalar_type() == at::kFloat ? products_as<float>(series, values, delays, period)
                                            : products_as<at::BFloat16>(series, values, delays, period);
}

using SumKernel =
    DeviceKernel<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, int64_t, int64_t)>;
using ProductsKernel =
    DeviceKernel<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, int64_t)>;

const SumKernel& sum_kernel() {
  static const SumKernel kernel("delayed_sum");
  return kernel;
}

const ProductsKernel& products_kernel() {
  static const ProductsKernel kernel("delayed_products");
  return kernel;
}

bool takes_own_sum(const at::Tensor& x) {
  return sum_kernel().is_on(x.device()) &&
         (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

at::Tensor with_unit_stride(const at::Tensor& x) { return x.stride(2) == 1 ? x : x.contiguous(); }

/// values delayed by delays[:, i], for devices and types without a kernel. [B, rows, W].
at::Tensor delayed_copy(const at::Tensor& values, const at::Tensor& delays, int64_t i, int64_t period,
                        int64_t rows) {
  const auto steps = at::arange(rows, delays.options()).unsqueeze(0);
  const auto row = (steps + delays.narrow(1, i, 1)).remainder(period);  // [B, rows]
  const auto there = row.lt(values.size(1)).unsqueeze(2);
  const auto index = row.clamp_max(values.size(1) - 1).unsqueeze(2).expand({-1, -1, values.size(2)});
  return values.gather(1, index) * there;
}

TORCH_LIBRARY_FRAGMENT(arzoo, m) {
  m.def("delayed_sum(Tensor values, Tensor delays, Tensor weights, int period, int rows) -> Tensor");
  m.def("delayed_products(Tensor series, Tensor values, Tensor delays, int period) -> Tensor");
}
TORCH_LIBRARY_IMPL(arzoo, CPU, m) {
  m.impl("delayed_sum", &sum_on_cpu);
  m.impl("delayed_products", &products_on_cpu);
}

}  // namespace

at::Tensor delayed_sum(const at::Tensor& values, const at::Tensor& delays, const at::Tensor& weights,
                       int64_t period, int64_t rows) {
  const torch::NoGradGuard no_grad;
  if (takes_own_sum(values)) {
    const auto from = with_unit_stride(values.narrow(1, 0, std::min(period, values.size(1)))),
               delay = delays.contiguous(), weight = weights.contiguous();
    return sum_kernel()(from, delay, weight, period, rows);
  }
  auto out = at::zeros({values.size(0), rows, values.size(2)}, values.options());
  for (int64_t i = 0; i < delays.size(1); ++i) {
    out += delayed_copy(values, delays, i, period, rows) * weights.narrow(1, i, 1).unsqueeze(2);
  }
  return out;
}

at::Tensor delayed_products(const at::Tensor& series, const at::Tensor& values, const at::Tensor& delays,
                            int64_t period) {
  const torch::NoGradGuard no_grad;
  if (takes_own_sum(values) && series.scalar_type() == values.scalar_type()) {
    const auto left = with_unit_stride(series.narrow(1, 0, std::min(period, series.size(1)))),
               right = with_unit_stride(values.narrow(1, 0, std::min(period, values.size(1)))),
               delay = delays.contiguous();
    return products_kernel()(left, right, delay, period);
  }
  std::vector<at::Tensor> products;
  for (int64_t i = 0; i < delays.size(1); ++i) {
    const auto copy = delayed_copy(values, delays, i, period, series.size(1));
    products.push_back((series * copy).sum({1, 2}, false, at::kFloat));
  }
  return products.empty() ? at::zeros({values.size(0), 0}, values.options().dtype(at::kFloat))
                          : at::stack(products, 1);
}

}  // namespace arzoo::kernels
