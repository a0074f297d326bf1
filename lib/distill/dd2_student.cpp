#include "distill/dd2_student.h"

#include <torch/torch.h>

namespace arzoo::distill {

Dd2Student::Dd2Student(const Dd2VarOptions& options, image::Vqvae& vae, bool training)
    : VarStudent(options.var, options.noise_std, vae),
      options_(options),
      networks_(std::make_shared<torch::nn::Module>()) {
  const auto network = [&](const char* name) {
    return networks_->register_module(
        name, std::make_shared<VarDiffusion>(options.var, HeadSize{options.head_width, options.head_depth},
                                             vae.quantizer(), options.noise_std));
  };
  generator_ = network("gen");
  if (training) guidance_ = network("gui");
}

at::Tensor Dd2Student::nearest(const at::Tensor& tokens) const {
  const torch::NoGradGuard no_grad;
  return image::nearest_codes(tokens.flatten(0, 1), unit_codebook()).view({tokens.size(0), tokens.size(1)});
}

int64_t Dd2Student::kept_tokens() const {
  return image::tokens_of(generator_->grids(), static_cast<std::size_t>(options_.second_step));
}

at::Tensor Dd2Student::sample(const at::Tensor& labels, const at::Tensor& noise, int64_t steps,
                              nn::TokenRandomInputs& /*draws*/) {
  const torch::NoGradGuard no_grad;
  const auto unit_noise = noise / options_.noise_std;
  auto x = generator_->generate(labels, unit_noise);
  if (steps == 2) {
    const int64_t kept = kept_tokens();
    const auto first = at::embedding(unit_codebook(), nearest(x.narrow(1, 0, kept)));
    x = generator_->generate(labels, at::cat({first, unit_noise.narrow(1, kept, x.size(1) - kept)}, 1), kept);
  }
  return options_.snap ? at::embedding(vae_.quantizer().codebook(), nearest(x)) : x * options_.noise_std;
}

}  // namespace arzoo::distill
