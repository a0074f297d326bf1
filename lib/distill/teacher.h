#pragma once

#include "distill/data_options.h"
#include "image/model_folder.h"
#include "image/var_sampler.h"
#include "runtime/device.h"

namespace arzoo::distill {

/// A trained VAR with its tokenizer, and how it draws: what a student learns from. Nothing of it is trained.
class Teacher {
 public:
  /// config: resolved. Throws CheckpointError, UsageError for a teacher that cannot be opened, ConfigError at
  /// model.var for one that is another.
  Teacher(const Config& config, const runtime::Compute& compute);

  image::Var& model() const { return *model_; }
  image::Vqvae& vae() const { return *vae_; }
  const at::Tensor& codebook() const { return vae_->quantizer().codebook(); }
  int64_t classes() const { return model_->options().num_classes; }
  /// Its folder's class names and channels.
  const image::ModelFolder& folder() const { return folder_; }

  /// Log-probabilities, up to a constant, with which it draws each of the tokens ids [B, L] long when those
  /// before are given: [B, L, V], guided and filtered, on the labels' device.
  at::Tensor logits(const at::Tensor& labels, const at::Tensor& ids) const;
  /// Draws all tokens: [B, L] long.
  at::Tensor draw(const at::Tensor& labels, image::TokenDraws& draws) const;
  /// All that decides what it draws: its weights by two sums, its sampling.
  Json identity() const;

 private:
  image::ModelFolder folder_;
  image::VarSampling sampling_;
  std::shared_ptr<image::Var> model_;
  std::shared_ptr<image::Vqvae> vae_;
};

}  // namespace arzoo::distill
