#include "distill/latent_student.h"

#include <torch/torch.h>

namespace arzoo::distill {

at::Tensor LatentStudent::trajectory_error(const at::Tensor& labels, const at::Tensor& noise,
                                           const at::Tensor& ends, int64_t given) const {
  const auto tokens = generator().generate(labels, with_given(noise, ends, given), given);
  return at::mse_loss(tokens_from(tokens, given), tokens_from(ends, given));
}

at::Tensor LatentStudent::sample(const at::Tensor& labels, const at::Tensor& noise, int64_t steps,
                                 nn::TokenRandomInputs& /*draws*/) {
  const torch::NoGradGuard no_grad;
  const auto tokens = generator().generate(labels, noise);
  if (steps == 1) return tokens;
  const int64_t kept = kept_tokens();
  return generator().generate(labels, with_given(noise, tokens, kept), kept);
}

}  // namespace arzoo::distill
