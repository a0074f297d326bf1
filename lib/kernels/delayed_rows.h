#pragma once

#include <cstdint>

#include "core/on_device.h"

namespace arzoo::kernels {

/// The row of a periodic series that stands `delay` steps behind row t; both are in [0, period).
ARZOO_ON_DEVICE inline int64_t delayed_row(int64_t t, int64_t delay, int64_t period) {
  const int64_t later = t + delay;
  return later < period ? later : later - period;
}

/// One series [rows, W] of a batch; a row past its end counts as zero.
template <class Scalar>
struct SeriesRows {
  const Scalar* first;
  int64_t stride, rows;

  ARZOO_ON_DEVICE float at(int64_t row, int64_t column) const {
    return row < rows ? static_cast<float>(first[row * stride + column]) : 0.0F;
  }
};

/// out[t, column] of delayed_sum(): for devices on which one thread computes one number. delays, weights:
/// [count].
template <class Scalar>
ARZOO_ON_DEVICE float delayed_sum_at(const SeriesRows<Scalar>& values, const int64_t* delays,
                                     const float* weights, int64_t count, int64_t period, int64_t t,
                                     int64_t column) {
  float sum = 0.0F;
  for (int64_t i = 0; i < count; ++i)
    sum += weights[i] * values.at(delayed_row(t, delays[i], period), column);
  return sum;
}

/// The share of thread `thread` of `threads` in out[i] of delayed_products().
template <class Scalar>
ARZOO_ON_DEVICE float delayed_product_of(const SeriesRows<Scalar>& series, const SeriesRows<Scalar>& values,
                                         int64_t delay, int64_t period, int64_t width, int64_t thread,
                                         int64_t threads) {
  float sum = 0.0F;
  for (int64_t i = thread; i < period * width; i += threads) {
    const int64_t t = i / width, column = i % width;
    sum += series.at(t, column) * values.at(delayed_row(t, delay, period), column);
  }
  return sum;
}

}  // namespace arzoo::kernels
