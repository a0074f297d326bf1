#include "forecast/models/mixlinear.h"

#include <torch/torch.h>

#include <cmath>

#include "forecast/forecaster.h"
#include "forecast/layers/period_filter.h"
#include "runtime/parameter_count.h"

namespace arzoo::forecast {
namespace {

int64_t root_above(int64_t area) {
  auto side = static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(area))));
  while (side * side < area) ++side;
  return side;
}

/// A complex linear layer without bias. Its weight is stored as [out, in, 2] (real, imaginary), which every
/// file format can hold and every optimiser can step; a complex64 [out, in] of an official checkpoint loads
/// into it.
class ComplexLinear : public torch::nn::Module, public runtime::HoldsComplexPairs {
 public:
  ComplexLinear(int64_t in, int64_t out) {
    // As officially: a real layer's initialisation, made complex.
    const torch::nn::Linear real(torch::nn::LinearOptions(in, out).bias(false));
    const auto weight = real->weight.detach();
    weight_ = register_parameter("weight", at::stack({weight, at::zeros_like(weight)}, -1));
  }
  at::Tensor weight() const { return at::view_as_complex(weight_.to(at::kFloat)); }

 private:
  at::Tensor weight_;
};

/// Everything in it is linear and the same for each phase of the period, so both branches are one matrix that
/// maps the window's periods to the forecast's, of a few hundred elements: data is touched by the filter and
/// by that matrix.
class MixLinear : public Forecaster {
 public:
  MixLinear(const MixLinearOptions& options, const SeriesShape& shape)
      : options_(options),
        pred_len_(shape.pred_len),
        in_(shape.seq_len / options.period_len),
        out_((shape.pred_len + options.period_len - 1) / options.period_len) {
    const auto layer = [](int64_t in, int64_t out) {
      return torch::nn::Linear(torch::nn::LinearOptions(in, out).bias(false));
    };
    const int64_t from = root_above(in_), to = root_above(out_), half = options.period_len / 2;
    time1_ = register_module("TLinear1", layer(from, to));
    time2_ = register_module("TLinear2", layer(from, to));
    filter_ = register_module("conv1d",
                              torch::nn::Conv1d(torch::nn::Conv1dOptions(1, 1, 1 + 2 * half).bias(false)));
    frequency1_ = register_module("FLinear1", std::make_shared<ComplexLinear>(options.lpf, kBottleneck));
    frequency2_ = register_module("FLinear2", std::make_shared<ComplexLinear>(kBottleneck, out_));
  }

  at::Tensor forecast(const ForecastBatch& batch) override {
    const auto time = time_map(), frequency = frequency_map();
    const auto both = time * options_.alpha + frequency * (1.0 - options_.alpha);
    const auto kernel = filter_->weight.view({-1});
    if (!at::GradMode::is_enabled() && batch.x_enc.is_cpu() && batch.trace == nullptr)
      return map_periods(batch.x_enc.to(at::kFloat), kernel.to(at::kFloat), both.to(at::kFloat), pred_len_);
    const auto level = batch.x_enc.mean(1, true);                             // [B, 1, C]
    const auto windows = (batch.x_enc - level).transpose(1, 2).contiguous();  // [B, C, L]
    const auto periods = period_filter(windows.flatten(0, 1), kernel)
                             .view({windows.size(0), windows.size(1), in_, options_.period_len});
    const auto mapped = [&](const at::Tensor& map) {
      return at::matmul(map, periods).flatten(2).narrow(2, 0, pred_len_).transpose(1, 2);  // [B, S, C]
    };
    if (batch.trace != nullptr) {
      batch.trace->emplace_back("mid.time", mapped(time));
      batch.trace->emplace_back("mid.freq", mapped(frequency));
    }
    return mapped(both) + level;
  }

 private:
  static constexpr int64_t kBottleneck = 2;

  /// The time branch: periods laid out as a square (zeros at its end), mapped along one side, then along the
  /// other, are mapped by a Kronecker product. [out, in].
  at::Tensor time_map() const {
    return at::kron(time2_->weight, time1_->weight).narrow(0, 0, out_).narrow(1, 0, in_);
  }

  /// The frequency branch: the lowest bins of the spectrum over periods, through both layers, and the real
  /// part of the inverse transform. [out, in].
  at::Tensor frequency_map() const {
    const auto impulses =
        at::eye(in_, filter_->weight.options().dtype(at::kComplexFloat).requires_grad(false));
    const auto spectrum = at::fft_fft(impulses, std::nullopt, 0).narrow(0, 0, options_.lpf);
    const auto mapped = at::matmul(frequency2_->weight(), at::matmul(frequency1_->weight(), spectrum));
    return at::real(at::fft_ifft(mapped, std::nullopt, 0));
  }

  MixLinearOptions options_;
  int64_t pred_len_, in_, out_;  ///< in_, out_: periods of the window and of the forecast
  torch::nn::Linear time1_{nullptr}, time2_{nullptr};
  torch::nn::Conv1d filter_{nullptr};
  std::shared_ptr<ComplexLinear> frequency1_, frequency2_;
};

}  // namespace

template <>
std::shared_ptr<Forecaster> make(const MixLinearOptions& options, const SeriesShape& shape) {
  return std::make_shared<MixLinear>(options, shape);
}

}  // namespace arzoo::forecast
