#include "image/token_scores.h"

#include <torch/torch.h>

namespace arzoo::image {

void TokenScores::Sums::add(const at::Tensor& losses, const at::Tensor& right) {
  loss += losses.sum(at::kDouble).item<double>();
  hits += right.sum(at::kDouble).item<double>();
  tokens += losses.numel();
}

void TokenScores::add(const at::Tensor& logits, const at::Tensor& targets) {
  const torch::NoGradGuard no_grad;
  const auto losses = at::cross_entropy_loss(logits.to(at::kFloat).transpose(1, 2), targets, {},
                                             at::Reduction::None);  // [B, L]
  const auto right = logits.argmax(-1).eq(targets);
  const int64_t first = targets.size(1) - last_;
  all_.add(losses, right);
  tail_.add(losses.narrow(1, first, last_), right.narrow(1, first, last_));
}

runtime::Metrics TokenScores::metrics() const {
  const auto mean = [](double sum, int64_t tokens) { return sum / static_cast<double>(tokens); };
  return {{"Lm", mean(all_.loss, all_.tokens)},
          {"Lt", mean(tail_.loss, tail_.tokens)},
          {"Accm", 100.0 * mean(all_.hits, all_.tokens)},
          {"Acct", 100.0 * mean(tail_.hits, tail_.tokens)}};
}

}  // namespace arzoo::image
