#pragma once

#include "distill/latent_teacher.h"
#include "distill/mar_diffusion.h"
#include "nn/masked_sampler.h"

namespace arzoo::distill {

/// A trained MAR as a teacher: it generates in one order, each token along the probability flow of its head.
class MarTeacher : public LatentTeacher {
 public:
  /// config: resolved. Throws as LatentTeacher does.
  MarTeacher(const Config& config, const runtime::Compute& compute);

  MarDiffusion& model() const { return *model_; }

  int64_t classes() const override { return model_->options().class_num; }
  TokenShape shape() const override { return {model_->layout().tokens, model_->layout().token_width}; }
  /// ode_steps: of the head.
  at::Tensor ends(const at::Tensor& labels, const at::Tensor& noise, int64_t ode_steps) const override;
  Json identity() const override;

 private:
  nn::MaskedSampling sampling_;
  std::shared_ptr<MarDiffusion> model_;
};

}  // namespace arzoo::distill
