#pragma once

#include "distill/ar_diffusion.h"
#include "distill/var_student.h"
#include "distill/var_students.h"

namespace arzoo::distill {

/// The generator of Distilled Decoding 2 and its guidance network, under the names "gen" and "gui".
/// Generation takes one step; a second step keeps the first scales and generates the others again, with the
/// kept scales in the place of their noise.
class Dd2Student : public VarStudent {
 public:
  /// vae must outlive it. training: with the guidance network, which generation does not need.
  Dd2Student(const Dd2VarOptions& options, image::Vqvae& vae, bool training);

  const Dd2VarOptions& options() const { return options_; }
  VarDiffusion& generator() const { return *generator_; }
  VarDiffusion& guidance() const { return *guidance_; }
  torch::nn::Module& module() override { return *networks_; }
  int64_t most_steps() const override { return 2; }
  at::Tensor sample(const at::Tensor& labels, const at::Tensor& noise, int64_t steps,
                    nn::TokenRandomInputs& random_inputs) override;
  void set_type(at::ScalarType type) override { generator_->set_type(type); }

  /// The codebook in units of the noise, in which both networks compute: [V, z].
  at::Tensor unit_codebook() const { return vae_.quantizer().codebook() / options_.noise_std; }
  /// The nearest code of each token, in those units: [B, L, z] → [B, L] long.
  at::Tensor nearest(const at::Tensor& tokens) const;
  /// Tokens of the scales that a second step keeps.
  int64_t kept_tokens() const;

 private:
  Dd2VarOptions options_;
  std::shared_ptr<torch::nn::Module> networks_;
  std::shared_ptr<VarDiffusion> generator_, guidance_;
};

}  // namespace arzoo::distill
