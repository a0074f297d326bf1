#include "forecast/layers/window_norm.h"

#include <torch/torch.h>

#include "kernels/parallel.h"

namespace arzoo::forecast {
namespace {

constexpr double kEpsilon = 1e-5;

struct Window {
  int64_t steps, variates, marks;
};

/// One window: transposes it and, if asked, normalises each variate. Sums are in double: a window of a level
/// far from zero would otherwise lose digits that the fp32 two-pass formula of the official code keeps.
void tokens_of_window(const float* x, const float* marks, const Window& window, float* tokens, float* mean,
                      float* stddev) {
  for (int64_t c = 0; c < window.variates; ++c) {
    float* token = tokens + c * window.steps;
    double sum = 0.0, squares = 0.0;
    for (int64_t t = 0; t < window.steps; ++t) sum += token[t] = x[t * window.variates + c];
    if (mean == nullptr) continue;
    const double centre = sum / static_cast<double>(window.steps);
    for (int64_t t = 0; t < window.steps; ++t) squares += (token[t] - centre) * (token[t] - centre);
    const double scale = std::sqrt(squares / static_cast<double>(window.steps) + kEpsilon);
    for (int64_t t = 0; t < window.steps; ++t) token[t] = static_cast<float>((token[t] - centre) / scale);
    mean[c] = static_cast<float>(centre);
    stddev[c] = static_cast<float>(scale);
  }
  for (int64_t m = 0; m < window.marks; ++m) {
    float* token = tokens + (window.variates + m) * window.steps;
    for (int64_t t = 0; t < window.steps; ++t) token[t] = marks[t * window.marks + m];
  }
}

at::Tensor tokens_on_cpu(const at::Tensor& x, const at::Tensor& marks, bool normalise, WindowStats& stats) {
  const int64_t batch = x.size(0);
  const Window window{x.size(1), x.size(2), marks.defined() ? marks.size(2) : 0};
  const auto values = x.contiguous();
  const auto calendar = marks.defined() ? marks.contiguous() : at::Tensor();
  auto tokens = at::empty({batch, window.variates + window.marks, window.steps}, x.options());
  if (normalise)
    stats = {at::empty({batch, 1, window.variates}, x.options()),
             at::empty({batch, 1, window.variates}, x.options())};
  const float* from = values.const_data_ptr<float>();
  const float* from_marks = calendar.defined() ? calendar.const_data_ptr<float>() : nullptr;
  float* to = tokens.mutable_data_ptr<float>();
  float* mean = normalise ? stats.mean.mutable_data_ptr<float>() : nullptr;
  float* stddev = normalise ? stats.std.mutable_data_ptr<float>() : nullptr;
  kernels::parallel_for(
      batch, std::max<int64_t>(1, 8192 / (window.steps * window.variates)), [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; ++b) {
          tokens_of_window(from + b * window.steps * window.variates,
                           from_marks == nullptr ? nullptr : from_marks + b * window.steps * window.marks,
                           window, to + b * (window.variates + window.marks) * window.steps,
                           normalise ? mean + b * window.variates : nullptr,
                           normalise ? stddev + b * window.variates : nullptr);
        }
      });
  return tokens;
}

}  // namespace

at::Tensor variate_tokens(const at::Tensor& x, const at::Tensor& marks, bool normalise, WindowStats& stats) {
  torch::NoGradGuard no_grad;
  if (x.is_cpu() && x.scalar_type() == at::kFloat) return tokens_on_cpu(x, marks, normalise, stats);
  auto values = x;
  if (normalise) {
    stats.mean = x.mean(1, true);
    values = x - stats.mean;
    stats.std = (values.square().mean(1, true) + kEpsilon).sqrt();
    values = values / stats.std;
  }
  return (marks.defined() ? at::cat({values, marks.to(values.scalar_type())}, 2) : values).transpose(1, 2);
}

at::Tensor denormalise(const at::Tensor& forecast, const WindowStats& stats) {
  return stats.mean.defined() ? at::addcmul(stats.mean, forecast, stats.std) : forecast;
}

}  // namespace arzoo::forecast
