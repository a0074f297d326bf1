#pragma once

#include "distill/ar_diffusion.h"
#include "image/flowar_model.h"

namespace arzoo::distill {

/// A FlowAR as an autoregressive model that tells the conditional score of its next scale: it does so as it
/// is. Its states see the scale before, in the place of which a generator puts noise; the tokens of a scale
/// are noised to one time. Under FlowAR's names.
class FlowArDiffusion : public image::FlowAr, public ArDiffusion {
 public:
  explicit FlowArDiffusion(const image::FlowArOptions& options) : image::FlowAr(options) {}

  at::Tensor states(const at::Tensor& labels, const at::Tensor& tokens) override;
  /// The last tokens must be whole scales; t: one time for each.
  at::Tensor velocity(const at::Tensor& x, const at::Tensor& t, const at::Tensor& states) const override;
  /// The model's weights.
  void start_from(const image::FlowAr& model) { copy_weights(*this, model); }
};

}  // namespace arzoo::distill
