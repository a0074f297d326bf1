#pragma once

#include "distill/flowar_diffusion.h"
#include "distill/latent_teacher.h"
#include "distill/score_losses.h"
#include "image/flowar_sampler.h"

namespace arzoo::distill {

/// A trained FlowAR as a teacher: its flow leads each scale from noise to tokens.
class FlowArTeacher : public LatentTeacher {
 public:
  /// config: resolved. Throws as LatentTeacher does.
  FlowArTeacher(const Config& config, const runtime::Compute& compute);

  FlowArDiffusion& model() const { return *model_; }
  /// Its conditional score given tokens [B, L, z], with guidance.
  TeacherMean mean(const at::Tensor& labels, const at::Tensor& tokens) const;

  int64_t classes() const override { return model_->options().class_num; }
  TokenShape shape() const override {
    return {image::tokens_of(model_->grids()), model_->options().vae.embed_dim};
  }
  at::Tensor ends(const at::Tensor& labels, const at::Tensor& noise, int64_t ode_steps) const override;
  Json identity() const override;

 private:
  /// How strongly the class guides each of the last tokens, [B, tokens, 1], at their times.
  at::Tensor guidance(const at::Tensor& t) const;

  image::FlowSampling sampling_;
  std::shared_ptr<FlowArDiffusion> model_;
};

}  // namespace arzoo::distill
