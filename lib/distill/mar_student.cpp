#include "distill/mar_student.h"

#include <torch/torch.h>

#include "image/latent_tokens.h"

namespace arzoo::distill {

MarStudent::MarStudent(const image::MarOptions& options, int64_t second_step, image::KlVae& vae)
    : LatentStudent(vae),
      second_step_(second_step),
      networks_(std::make_shared<torch::nn::Module>()),
      generator_(networks_->register_module("gen", std::make_shared<MarDiffusion>(options))) {}

at::Tensor MarStudent::noise(const std::vector<uint64_t>& seeds) const {
  return picture_noise(seeds, shape(), /*deviation=*/1.0);
}

at::Tensor MarStudent::latents(const at::Tensor& tokens) const {
  return image::unpatchified(generator_->placed(tokens), generator_->options().side(),
                             generator_->options().patch_size);
}

}  // namespace arzoo::distill
