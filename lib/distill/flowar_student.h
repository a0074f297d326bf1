#pragma once

#include "distill/flowar_diffusion.h"
#include "distill/latent_student.h"

namespace arzoo::distill {

/// A FlowAR that sees noise in the place of the scales before: every scale is one step of its flow, all of
/// them at once. The network is "gen"; what only training needs is "gui".
class FlowArStudent : public LatentStudent {
 public:
  /// vae must outlive it. second_step: scales that a second step keeps. with_guidance: with a guidance
  /// network (Distilled Decoding 2).
  FlowArStudent(const image::FlowArOptions& options, int64_t second_step, image::KlVae& vae,
                bool with_guidance);

  FlowArDiffusion& generator() const override { return *generator_; }
  FlowArDiffusion& guidance() const { return *guidance_; }
  int64_t kept_tokens() const override {
    return image::tokens_of(generator_->grids(), static_cast<std::size_t>(second_step_));
  }

  torch::nn::Module& module() override { return *networks_; }
  int64_t classes() const override { return generator_->options().class_num; }
  TokenShape shape() const override {
    return {image::tokens_of(generator_->grids()), generator_->options().vae.embed_dim};
  }
  /// The teacher's noise for the same seeds: a student of the teacher's flow generates the same picture.
  at::Tensor noise(const std::vector<uint64_t>& seeds) const override;
  void set_type(at::ScalarType type) override { generator_->set_type(type); }
  /// The finest scale alone is decoded.
  at::Tensor latents(const at::Tensor& tokens) const override;
  int64_t pixels() const override { return generator_->options().pixels(); }

 private:
  int64_t second_step_;
  std::shared_ptr<torch::nn::Module> networks_;
  std::shared_ptr<FlowArDiffusion> generator_, guidance_;
};

}  // namespace arzoo::distill
