#include "forecast/layers/period_filter.h"

#include <torch/torch.h>

#include <algorithm>
#include <vector>

#include "kernels/flop_counter.h"
#include "kernels/multiversion.h"
#include "kernels/parallel.h"

namespace arzoo::forecast {
namespace {

constexpr int64_t kFilterGrain = 1 << 17;  // multiply-adds that are worth a thread

/// A row between zeros, as long as the kernel reaches.
std::vector<float> padded_buffer(int64_t length, int64_t taps) {
  return std::vector<float>(length + taps - 1, 0.0F);
}

/// padded: [length + taps - 1]; out[t] += sum_k kernel[k] padded[t + k].
ARZOO_CLONES void add_filtered(const float* padded, const float* kernel, int64_t length, int64_t taps,
                               float* out) {
  for (int64_t k = 0; k < taps; ++k) {
    const float factor = kernel[k];
    for (int64_t t = 0; t < length; ++t) out[t] += factor * padded[t + k];
  }
}

/// sums[k] = sum_t gradient[t] padded[t + k].
ARZOO_CLONES void correlate(const float* padded, const float* gradient, int64_t length, int64_t taps,
                            float* sums) {
  constexpr int64_t kLanes = 16;
  const int64_t whole = length / kLanes * kLanes;
  for (int64_t k = 0; k < taps; ++k) {
    float lanes[kLanes] = {};
    for (int64_t t = 0; t < whole; t += kLanes) {
      for (int64_t j = 0; j < kLanes; ++j) lanes[j] += gradient[t + j] * padded[t + k + j];
    }
    float sum = 0.0F;
    for (int64_t t = whole; t < length; ++t) sum += gradient[t] * padded[t + k];
    for (int64_t j = 0; j < kLanes; ++j) sum += lanes[j];
    sums[k] = sum;
  }
}

/// out[i, p] = sum_j map[i, j] x[j, p], rows of `width`.
ARZOO_CLONES void map_rows(const float* map, const float* x, int64_t to, int64_t from, int64_t width,
                           float* out) {
  for (int64_t i = 0; i < to; ++i) {
    for (int64_t p = 0; p < width; ++p) out[i * width + p] = 0.0F;
    for (int64_t j = 0; j < from; ++j) {
      const float factor = map[i * from + j];
      for (int64_t p = 0; p < width; ++p) out[i * width + p] += factor * x[j * width + p];
    }
  }
}

at::Tensor filtered(const at::Tensor& rows, const at::Tensor& kernel) {
  const auto x = rows.contiguous(), weights = kernel.contiguous();
  const int64_t length = x.size(1), taps = weights.numel();
  kernels::count_flops(2.0 * static_cast<double>(x.numel() * taps));
  auto out = x.clone();
  const float* from = x.const_data_ptr<float>();
  const float* factors = weights.const_data_ptr<float>();
  float* to = out.mutable_data_ptr<float>();
  kernels::parallel_for(x.size(0), std::max<int64_t>(1, kFilterGrain / (length * taps)),
                        [&](int64_t begin, int64_t end) {
                          auto padded = padded_buffer(length, taps);
                          for (int64_t row = begin; row < end; ++row) {
                            std::copy_n(from + row * length, length, padded.begin() + taps / 2);
                            add_filtered(padded.data(), factors, length, taps, to + row * length);
                          }
                        });
  return out;
}

struct FilterFunction : torch::autograd::Function<FilterFunction> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& kernel) {
    context->save_for_backward({x});
    context->saved_data["taps"] = kernel.numel();
    return filtered(x, kernel);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto x = context->get_saved_variables()[0].contiguous(), gradient = gradients[0].contiguous();
    const int64_t length = x.size(1), taps = context->saved_data["taps"].toInt();
    kernels::count_flops(2.0 * static_cast<double>(x.numel() * taps));
    // A sum for each row: the total does not depend on the threads.
    auto sums = at::empty({x.size(0), taps}, x.options());
    const float* rows = x.const_data_ptr<float>();
    const float* slopes = gradient.const_data_ptr<float>();
    float* to = sums.mutable_data_ptr<float>();
    kernels::parallel_for(x.size(0), std::max<int64_t>(1, kFilterGrain / (length * taps)),
                          [&](int64_t begin, int64_t end) {
                            auto padded = padded_buffer(length, taps);
                            for (int64_t row = begin; row < end; ++row) {
                              std::copy_n(rows + row * length, length, padded.begin() + taps / 2);
                              correlate(padded.data(), slopes + row * length, length, taps, to + row * taps);
                            }
                          });
    return {at::Tensor(), sums.sum(0)};
  }
};

}  // namespace

at::Tensor period_filter(const at::Tensor& x, const at::Tensor& kernel) {
  if (x.is_cpu() && x.scalar_type() == at::kFloat && kernel.scalar_type() == at::kFloat)
    return FilterFunction::apply(x, kernel);
  return x +
         at::conv1d(x.unsqueeze(1), kernel.view({1, 1, -1}).to(x.scalar_type()), {}, 1, kernel.numel() / 2)
             .squeeze(1);
}

at::Tensor map_periods(const at::Tensor& x, const at::Tensor& kernel, const at::Tensor& periods,
                       int64_t pred_len) {
  const auto windows = x.contiguous(), weights = kernel.contiguous(), map = periods.contiguous();
  const int64_t batch = x.size(0), length = x.size(1), variates = x.size(2), taps = kernel.numel();
  const int64_t to = map.size(0), from = map.size(1), period = length / from;
  auto out = at::empty({batch, pred_len, variates}, x.options());
  const float* values = windows.const_data_ptr<float>();
  const float* factors = weights.const_data_ptr<float>();
  const float* matrix = map.const_data_ptr<float>();
  float* result = out.mutable_data_ptr<float>();
  const int64_t work = length * taps + to * from * period;
  kernels::count_flops(2.0 * static_cast<double>(batch * variates * work));
  kernels::parallel_for(
      batch * variates, std::max<int64_t>(1, kFilterGrain / work), [&](int64_t begin, int64_t end) {
        auto padded = padded_buffer(length, taps);
        std::vector<float> smooth(length), ahead(to * period);
        float* const centred = padded.data() + taps / 2;
        for (int64_t item = begin; item < end; ++item) {
          const float* window = values + item / variates * length * variates + item % variates;
          double sum = 0.0;
          for (int64_t t = 0; t < length; ++t) sum += window[t * variates];
          const auto level = static_cast<float>(sum / static_cast<double>(length));
          for (int64_t t = 0; t < length; ++t) smooth[t] = centred[t] = window[t * variates] - level;
          add_filtered(padded.data(), factors, length, taps, smooth.data());
          map_rows(matrix, smooth.data(), to, from, period, ahead.data());
          float* forecast = result + item / variates * pred_len * variates + item % variates;
          for (int64_t t = 0; t < pred_len; ++t) forecast[t * variates] = ahead[t] + level;
        }
      });
  return out;
}

}  // namespace arzoo::forecast
