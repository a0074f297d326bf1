#include "distill/latent_student.h"

#include <torch/torch.h>

namespace arzoo::distill {

at::Tensor LatentStudent::draw(const at::Tensor& labels, const at::Tensor& noise, int64_t steps,
                               image::TokenDraws& /*draws*/) {
  const torch::NoGradGuard no_grad;
  const auto tokens = generator().generate(labels, noise);
  if (steps == 1) return tokens;
  const int64_t kept = kept_tokens();
  const auto mixed = at::cat({tokens.narrow(1, 0, kept), noise.narrow(1, kept, noise.size(1) - kept)}, 1);
  return generator().generate(labels, mixed, kept);
}

}  // namespace arzoo::distill
