#include "distill/flowar_student.h"

#include <torch/torch.h>

#include "image/flowar_sampler.h"
#include "image/latent_tokens.h"

namespace arzoo::distill {

FlowArStudent::FlowArStudent(const image::FlowArOptions& options, int64_t second_step, image::KlVae& vae,
                             bool with_guidance)
    : LatentStudent(vae), second_step_(second_step), networks_(std::make_shared<torch::nn::Module>()) {
  const auto network = [&](const char* name) {
    return networks_->register_module(name, std::make_shared<FlowArDiffusion>(options));
  };
  generator_ = network("gen");
  if (with_guidance) guidance_ = network("gui");
}

at::Tensor FlowArStudent::noise(const std::vector<uint64_t>& seeds) const {
  const auto of_scale = image::seeded_flow_noise(*generator_, seeds, /*temperature=*/1.0);
  std::vector<at::Tensor> scales;
  for (std::size_t k = 0; k < generator_->grids().size(); ++k) scales.push_back(of_scale(k));
  return at::cat(scales, 1);
}

at::Tensor FlowArStudent::latents(const at::Tensor& tokens) const {
  const auto& finest = generator_->grids().back();
  const auto last = tokens.narrow(1, tokens.size(1) - finest.tokens(), finest.tokens());
  return image::unpatchified(last, finest.height, 1);
}

}  // namespace arzoo::distill
