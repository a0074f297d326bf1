#include "forecast/delayed_sum.h"

#include <torch/torch.h>

#include <vector>

#include "nn/clones.h"
#include "nn/parallel.h"

namespace arzoo::forecast {
namespace {

constexpr int64_t kColumns = 64;     // of all steps stay in the cache while every delay reads them
constexpr int64_t kGrain = 1 << 16;  // multiply-adds that are worth a thread

/// One sample's columns of a [B, S, W] tensor.
template <class Scalar>
struct Columns {
  Scalar* data;
  int64_t rows, stride, count;
};

struct Delays {
  const int64_t* delays;
  const float* weights;
  int64_t count, period;
};

/// The row that step `t`, delayed, falls on.
inline int64_t delayed_row(int64_t t, int64_t delay, int64_t period) {
  const int64_t row = t + delay;
  return row < period ? row : row - period;
}

template <class Scalar>
inline void sum_columns(const Columns<const Scalar>& values, const Delays& d, const Columns<Scalar>& out) {
  for (int64_t t = 0; t < out.rows; ++t) {
    float sum[kColumns] = {};
    for (int64_t i = 0; i < d.count; ++i) {
      const int64_t row = delayed_row(t, d.delays[i], d.period);
      if (row >= values.rows) continue;
      const Scalar* from = values.data + row * values.stride;
      const float weight = d.weights[i];
      if (out.count == kColumns) {
        for (int64_t j = 0; j < kColumns; ++j) sum[j] += weight * static_cast<float>(from[j]);
      } else {
        for (int64_t j = 0; j < out.count; ++j) sum[j] += weight * static_cast<float>(from[j]);
      }
    }
    Scalar* to = out.data + t * out.stride;
    for (int64_t j = 0; j < out.count; ++j) to[j] = static_cast<Scalar>(sum[j]);
  }
}

ARZOO_CLONES void sum_block(const Columns<const float>& values, const Delays& d, const Columns<float>& out) {
  sum_columns(values, d, out);
}
ARZOO_CLONES void sum_block(const Columns<const at::BFloat16>& values, const Delays& d,
                            const Columns<at::BFloat16>& out) {
  sum_columns(values, d, out);
}

/// products[i] += the columns' share of the products with delay i.
template <class Scalar>
inline void multiply_columns(const Columns<const Scalar>& series, const Columns<const Scalar>& values,
                             const Delays& d, float* products) {
  for (int64_t i = 0; i < d.count; ++i) {
    float sum[kColumns] = {};
    for (int64_t t = 0; t < series.rows; ++t) {
      const int64_t row = delayed_row(t, d.delays[i], d.period);
      if (row >= values.rows) continue;
      const Scalar* a = series.data + t * series.stride;
      const Scalar* b = values.data + row * values.stride;
      if (values.count == kColumns) {
        for (int64_t j = 0; j < kColumns; ++j) sum[j] += static_cast<float>(a[j]) * static_cast<float>(b[j]);
      } else {
        for (int64_t j = 0; j < values.count; ++j)
          sum[j] += static_cast<float>(a[j]) * static_cast<float>(b[j]);
      }
    }
    for (int64_t j = 0; j < kColumns; ++j) products[i] += sum[j];
  }
}

ARZOO_CLONES void multiply_block(const Columns<const float>& series, const Columns<const float>& values,
                                 const Delays& d, float* products) {
  multiply_columns(series, values, d, products);
}
ARZOO_CLONES void multiply_block(const Columns<const at::BFloat16>& series,
                                 const Columns<const at::BFloat16>& values, const Delays& d,
                                 float* products) {
  multiply_columns(series, values, d, products);
}

template <class Scalar>
Columns<const Scalar> columns_of(const at::Tensor& x, int64_t sample, int64_t first) {
  return {x.const_data_ptr<Scalar>() + sample * x.stride(0) + first, x.size(1), x.stride(1),
          std::min(kColumns, x.size(2) - first)};
}

template <class Scalar>
at::Tensor sum_on_cpu(const at::Tensor& values, const at::Tensor& delays, const at::Tensor& weights,
                      int64_t period, int64_t rows) {
  const int64_t batch = values.size(0), width = values.size(2), k = delays.size(1);
  auto out = at::empty({batch, rows, width}, values.options());
  auto* to = out.mutable_data_ptr<Scalar>();
  const int64_t* delay = delays.const_data_ptr<int64_t>();
  const float* weight = weights.const_data_ptr<float>();
  const int64_t across = (width + kColumns - 1) / kColumns, work = std::max<int64_t>(1, rows * k * kColumns);
  nn::parallel_for(batch * across, std::max<int64_t>(1, kGrain / work), [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t b = item / across, first = item % across * kColumns;
      const auto from = columns_of<Scalar>(values, b, first);
      sum_block(from, {delay + b * k, weight + b * k, k, period},
                Columns<Scalar>{to + b * rows * width + first, rows, width, from.count});
    }
  });
  return out;
}

template <class Scalar>
at::Tensor products_on_cpu(const at::Tensor& series, const at::Tensor& values, const at::Tensor& delays,
                           int64_t period) {
  const int64_t batch = values.size(0), width = values.size(2), k = delays.size(1);
  const auto products = at::zeros({batch, k}, values.options().dtype(at::kFloat));
  auto* to = products.mutable_data_ptr<float>();
  const int64_t* delay = delays.const_data_ptr<int64_t>();
  nn::parallel_for(batch, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      for (int64_t first = 0; first < width; first += kColumns) {
        multiply_block(columns_of<Scalar>(series, b, first), columns_of<Scalar>(values, b, first),
                       {delay + b * k, nullptr, k, period}, to + b * k);
      }
    }
  });
  return products;
}

bool own_kernel(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

at::Tensor unit_stride(const at::Tensor& x) { return x.stride(2) == 1 ? x : x.contiguous(); }

/// values delayed by delays[:, i], for devices and types without a kernel. [B, rows, W].
at::Tensor delayed_copy(const at::Tensor& values, const at::Tensor& delays, int64_t i, int64_t period,
                        int64_t rows) {
  const auto steps = at::arange(rows, delays.options()).unsqueeze(0);
  const auto row = (steps + delays.narrow(1, i, 1)).remainder(period);  // [B, rows]
  const auto there = row.lt(values.size(1)).unsqueeze(2);
  const auto index = row.clamp_max(values.size(1) - 1).unsqueeze(2).expand({-1, -1, values.size(2)});
  return values.gather(1, index) * there;
}

}  // namespace

at::Tensor delayed_sum(const at::Tensor& values, const at::Tensor& delays, const at::Tensor& weights,
                       int64_t period, int64_t rows) {
  const torch::NoGradGuard no_grad;
  if (own_kernel(values)) {
    const auto from = unit_stride(values), delay = delays.contiguous(), weight = weights.contiguous();
    return values.scalar_type() == at::kFloat ? sum_on_cpu<float>(from, delay, weight, period, rows)
                                              : sum_on_cpu<at::BFloat16>(from, delay, weight, period, rows);
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
  if (own_kernel(values) && series.scalar_type() == values.scalar_type()) {
    const auto left = unit_stride(series), right = unit_stride(values), delay = delays.contiguous();
    return values.scalar_type() == at::kFloat ? products_on_cpu<float>(left, right, delay, period)
                                              : products_on_cpu<at::BFloat16>(left, right, delay, period);
  }
  std::vector<at::Tensor> products;
  for (int64_t i = 0; i < delays.size(1); ++i) {
    const auto copy = delayed_copy(values, delays, i, period, series.size(1));
    products.push_back((series * copy).sum({1, 2}, false, at::kFloat));
  }
  return products.empty() ? at::zeros({values.size(0), 0}, values.options().dtype(at::kFloat))
                          : at::stack(products, 1);
}

}  // namespace arzoo::forecast
