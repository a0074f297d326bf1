#pragma once

#include "distill/student.h"

namespace arzoo::distill {

/// A student whose tokens are codes of a VAR's tokenizer.
class VarStudent : public Student {
 public:
  /// vae must outlive it. var: the teacher's options.
  VarStudent(const image::VarOptions& var, double noise_std, image::Vqvae& vae)
      : vae_(vae), var_(var), grids_(image::square_grids(var.patch_nums)), noise_std_(noise_std) {}

  int64_t classes() const override { return var_.num_classes; }
  TokenShape shape() const override { return {image::tokens_of(grids_), var_.vae.z_channels}; }
  at::Tensor noise(const std::vector<uint64_t>& seeds) const override;
  at::Tensor latents(const at::Tensor& tokens) const override;
  at::Tensor pictures(const at::Tensor& latents) const override { return vae_.decode(latents); }
  int64_t pixels() const override { return grids_.back().height * var_.vae.downsampling(); }

 protected:
  image::Vqvae& vae_;

 private:
  image::VarOptions var_;
  image::Grids grids_;
  double noise_std_;
};

}  // namespace arzoo::distill
