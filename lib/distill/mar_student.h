#pragma once

#include "distill/latent_student.h"
#include "distill/mar_diffusion.h"

namespace arzoo::distill {

/// A MAR that sees noise at every place and generates all tokens in one step. The network is "gen".
class MarStudent : public LatentStudent {
 public:
  /// vae must outlive it. second_step: tokens that a second step keeps.
  MarStudent(const image::MarOptions& options, int64_t second_step, image::KlVae& vae);

  MarDiffusion& generator() const override { return *generator_; }
  int64_t kept_tokens() const override { return second_step_; }

  torch::nn::Module& module() override { return *networks_; }
  int64_t classes() const override { return generator_->options().class_num; }
  TokenShape shape() const override {
    return {generator_->layout().tokens, generator_->layout().token_width};
  }
  at::Tensor noise(const std::vector<uint64_t>& seeds) const override;
  void set_type(at::ScalarType type) override { generator_->set_type(type); }
  at::Tensor latents(const at::Tensor& tokens) const override;
  int64_t pixels() const override { return generator_->options().img_size; }

 private:
  int64_t second_step_;
  std::shared_ptr<torch::nn::Module> networks_;
  std::shared_ptr<MarDiffusion> generator_;
};

}  // namespace arzoo::distill
