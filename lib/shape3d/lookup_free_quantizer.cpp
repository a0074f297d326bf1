#include "shape3d/lookup_free_quantizer.h"

#include <torch/torch.h>

#include <algorithm>
#include <tuple>

namespace arzoo::shape3d {

LookupFreeQuantizer::LookupFreeQuantizer(int64_t width, int64_t bits, const LookupFreeWeights& weights)
    : bits_(bits), weights_(weights) {
  project_in_ = register_module("project_in", std::make_shared<nn::LinearLayer>(width, bits));
  project_out_ = register_module("project_out", std::make_shared<nn::LinearLayer>(bits, width));
}

at::Tensor LookupFreeQuantizer::numbers(const at::Tensor& x) const {
  return project_in_->forward(x.to(project_in_->type()));
}

at::Tensor LookupFreeQuantizer::tokens(const at::Tensor& numbers) const {
  const auto powers = at::bitwise_left_shift(
      at::ones({bits_}, numbers.options().dtype(at::kLong).requires_grad(false)),
      at::arange(bits_ - 1, -1, -1, numbers.options().dtype(at::kLong).requires_grad(false)));
  return (numbers.gt(0).to(at::kLong) * powers).sum(-1);
}

at::Tensor LookupFreeQuantizer::signs(const at::Tensor& ids) const {
  const auto shifts = at::arange(bits_ - 1, -1, -1, ids.options());
  return at::bitwise_and(at::bitwise_right_shift(ids.unsqueeze(-1), shifts), 1).to(project_out_->type()) * 2 -
         1;
}

at::Tensor LookupFreeQuantizer::lookup(const at::Tensor& ids) const {
  return project_out_->forward(signs(ids));
}

std::pair<at::Tensor, at::Tensor> LookupFreeQuantizer::entropies(const at::Tensor& numbers) const {
  // A distribution takes V numbers for each token: a few tokens at a time, and what they add up to is kept.
  constexpr int64_t kNumbersAtOnce = 1 << 24;
  const auto rows = numbers.reshape({-1, bits_});
  const auto all = signs(at::arange(codes(), numbers.options().dtype(at::kLong).requires_grad(false)));
  const int64_t count = rows.size(0), chunk = std::max<int64_t>(1, kNumbersAtOnce / codes());
  const auto entropy = [&](const at::Tensor& p) {
    return -(p * p.clamp_min(weights_.log_clamp).log()).sum(-1);
  };
  at::Tensor sum_of_entropies, sum_of_p;
  for (int64_t begin = 0; begin < count; begin += chunk) {
    const auto some = rows.narrow(0, begin, std::min(chunk, count - begin));
    const auto p = at::softmax(at::matmul(some, all.t()) * (2.0 * weights_.inv_temperature), -1);
    const auto own = entropy(p).sum(), mass = p.sum(0);
    sum_of_entropies = sum_of_entropies.defined() ? sum_of_entropies + own : own;
    sum_of_p = sum_of_p.defined() ? sum_of_p + mass : mass;
  }
  const auto tokens = static_cast<double>(count);
  return {sum_of_entropies / tokens, entropy(sum_of_p / tokens)};
}

LookupFreeQuantizer::Pass LookupFreeQuantizer::train_pass(const at::Tensor& x) const {
  Pass pass;
  pass.numbers = numbers(x);
  pass.ids = tokens(pass.numbers.detach());
  const auto code = signs(pass.ids);
  pass.quantised = project_out_->forward(pass.numbers + (code - pass.numbers).detach());
  std::tie(pass.per_sample_entropy, pass.codebook_entropy) = entropies(pass.numbers);
  pass.commitment = at::mse_loss(pass.numbers, code);
  pass.loss =
      weights_.entropy_weight * (pass.per_sample_entropy - weights_.diversity_gamma * pass.codebook_entropy) +
      weights_.commitment_weight * pass.commitment;
  return pass;
}

void LookupFreeQuantizer::initialise(double stddev) {
  project_in_->initialise(stddev);
  project_out_->initialise(stddev);
}

}  // namespace arzoo::shape3d
