#include "kernels/lag_scores.h"

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/torch.h>

#include <vector>

namespace arzoo::kernels {

at::Tensor lag_scores_by_gram(const at::Tensor& queries, const at::Tensor& keys) {
  const torch::NoGradGuard no_grad;
  const int64_t length = queries.size(1), there = std::min(length, keys.size(1));
  // Scores choose the lags, and a wrong lag is no rounding error: fp32, autocast or not.
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const auto q = queries.to(at::kFloat), k = keys.narrow(1, 0, there).to(at::kFloat);
  const auto gram = at::bmm(k, q.transpose(1, 2));  // [B, t, u]
  // Row t, laid out twice, holds lag 0 .. L - 1 from its t-th element on.
  const auto twice = at::cat({gram, gram}, 2);
  const int64_t row = 2 * length;
  const auto by_lag = twice.as_strided({gram.size(0), there, length}, {there * row, row + 1, 1});
  return by_lag.sum(1) / static_cast<double>(queries.size(2));
}

at::Tensor lag_scores_by_spectrum(const at::Tensor& queries, const at::Tensor& keys) {
  const torch::NoGradGuard no_grad;
  const int64_t length = queries.size(1);
  std::vector<at::Tensor> spectra;
  // Sample by sample: the spectra of a whole batch would be four times its queries.
  for (int64_t b = 0; b < queries.size(0); ++b) {
    const auto q = at::fft_rfft(queries[b].to(at::kFloat), length, 0);  // [L / 2 + 1, W]
    const auto k = at::fft_rfft(keys[b].to(at::kFloat), length, 0);
    spectra.push_back(at::linalg_vecdot(k, q, 1));
  }
  return at::fft_irfft(at::stack(spectra), length, 1) / static_cast<double>(queries.size(2));
}

at::Tensor lag_scores(const at::Tensor& queries, const at::Tensor& keys) {
  return queries.size(1) <= kLongestGram ? lag_scores_by_gram(queries, keys)
                                         : lag_scores_by_spectrum(queries, keys);
}

}  // namespace arzoo::kernels
