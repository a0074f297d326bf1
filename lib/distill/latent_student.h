#pragma once

#include "distill/ar_diffusion.h"
#include "distill/student.h"
#include "image/kl_vae_model.h"

namespace arzoo::distill {

/// A student of a teacher whose tokens are continuous: a network like the teacher's that sees noise where the
/// teacher sees tokens, and maps it to all tokens in one step. A second step keeps the tokens that the
/// teacher generates first and generates the others again, with the kept tokens in the place of their noise.
class LatentStudent : public Student {
 public:
  virtual ArDiffusion& generator() const = 0;
  /// Tokens that a second step keeps.
  virtual int64_t kept_tokens() const = 0;

  /// How far from `ends`, [B, L, z], the generator leads from noise [B, L, z] when their first `given` tokens
  /// are there: the mean squared error of the others, under autograd (Distilled Decoding 1).
  at::Tensor trajectory_error(const at::Tensor& labels, const at::Tensor& noise, const at::Tensor& ends,
                              int64_t given) const;

  int64_t most_steps() const override { return 2; }
  at::Tensor sample(const at::Tensor& labels, const at::Tensor& noise, int64_t steps,
                    nn::TokenRandomInputs& random_inputs) override;
  at::Tensor pictures(const at::Tensor& latents) const override { return vae_.decode(latents); }

 protected:
  /// vae must outlive it.
  explicit LatentStudent(image::KlVae& vae) : vae_(vae) {}

 private:
  image::KlVae& vae_;
};

}  // namespace arzoo::distill
