#include "distill/flow_mapping.h"

#include <torch/torch.h>

namespace arzoo::distill {

at::Tensor posterior_weights(const at::Tensor& logits, const at::Tensor& x, const at::Tensor& t,
                             const at::Tensor& codebook) {
  // |x|^2 is the same for all codes: the softmax does not see it.
  const auto left = 1.0 - t;
  const auto products = at::matmul(x * (left / t.square()), codebook.t());
  const auto lengths = codebook.square().sum(1) * (left / t).square() * 0.5;
  return at::softmax(logits + products - lengths, -1);
}

at::Tensor posterior_mean(const at::Tensor& logits, const at::Tensor& x, const at::Tensor& t,
                          const at::Tensor& codebook) {
  return at::matmul(posterior_weights(logits, x, t, codebook), codebook);
}

at::Tensor flow_velocity(const at::Tensor& x, const at::Tensor& mean, const at::Tensor& t) {
  return (x - mean) / t;
}

at::Tensor conditional_score(const at::Tensor& x, const at::Tensor& mean, const at::Tensor& t) {
  return -(x - (1.0 - t) * mean) / t.square();
}

at::Tensor score_of_velocity(const at::Tensor& x, const at::Tensor& velocity, const at::Tensor& t) {
  return -(x + (1.0 - t) * velocity) / t;
}

at::Tensor flow_end(const at::Tensor& logits, const at::Tensor& noise, const at::Tensor& codebook,
                    int64_t steps, const std::function<void(int64_t step, const at::Tensor& x)>& watch) {
  const torch::NoGradGuard no_grad;
  auto x = noise;
  for (int64_t step = 0; step < steps; ++step) {
    const double t = 1.0 - static_cast<double>(step) / static_cast<double>(steps);
    const double next = 1.0 - static_cast<double>(step + 1) / static_cast<double>(steps);
    const auto mean = posterior_mean(logits, x, at::full({1}, t, noise.options()), codebook);
    // x + (next - t) (x - mean) / t, in a form that lands exactly on the mean.
    x = step + 1 == steps ? mean : x * (next / t) + mean * (1.0 - next / t);
    if (watch) watch(step, x);
  }
  return x;
}

}  // namespace arzoo::distill
