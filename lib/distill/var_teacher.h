#pragma once

#include "distill/data_options.h"
#include "distill/teacher.h"
#include "runtime/device.h"

namespace arzoo::distill {

/// A trained VAR as a teacher. A trajectory ends at codes, "ids" [B, L].
class VarTeacher : public Teacher {
 public:
  /// config: resolved. Throws CheckpointError, UsageError for a teacher that cannot be opened, ConfigError at
  /// model.var for one that is another.
  VarTeacher(const Config& config, double noise_std, const runtime::Compute& compute);

  image::Var& model() const { return *model_; }
  image::Vqvae& vae() const { return *vae_; }
  const at::Tensor& codebook() const { return vae_->quantizer().codebook(); }
  /// Log-probabilities, up to a constant, with which it samples each of the tokens ids [B, L] long given
  /// those before: [B, L, V], guided and filtered, on the labels' device.
  at::Tensor logits(const at::Tensor& labels, const at::Tensor& ids) const;

  int64_t classes() const override { return model_->options().num_classes; }
  TokenShape shape() const override { return {image::tokens_of(model_->grids()), codebook().size(1)}; }
  double noise_std() const override { return noise_std_; }
  at::Tensor ends(const at::Tensor& labels, const at::Tensor& noise, int64_t ode_steps) const override;
  const char* ends_name() const override { return "ids"; }
  void check_ends(const at::Tensor& ends, int64_t count, const std::string& file) const override;
  at::Tensor tokens(const at::Tensor& ends) const override { return at::embedding(codebook(), ends); }
  torch::nn::Module& tokenizer() const override { return *vae_; }
  Json tokenizer_section() const override;
  Json identity() const override;

 private:
  double noise_std_;
  image::VarSampling sampling_;
  std::shared_ptr<image::Var> model_;
  std::shared_ptr<image::Vqvae> vae_;
};

/// The random inputs of a teacher that follows the flow instead of sampling (Distilled Decoding 1): each
/// token is where its noise leads.
class FlowRandomInputs : public nn::TokenRandomInputs {
 public:
  /// noise: [B, L, z], of standard deviation noise_std; codebook: [V, z]. Both must outlive it.
  FlowRandomInputs(const at::Tensor& noise, const at::Tensor& codebook, double noise_std, int64_t ode_steps);

  at::Tensor pick(const at::Tensor& logits, int64_t first) override;
  /// Not for this: throws std::logic_error.
  at::Tensor exponentials(const at::Tensor& logits, int64_t first) override;

 private:
  const at::Tensor& noise_;
  at::Tensor unit_codebook_;  ///< in units of the noise
  double noise_std_;
  int64_t ode_steps_;
};

}  // namespace arzoo::distill
