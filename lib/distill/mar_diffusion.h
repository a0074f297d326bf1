#pragma once

#include "distill/ar_diffusion.h"
#include "image/mar_model.h"

namespace arzoo::distill {

/// A MAR that maps noise to all tokens: its encoder sees noise at every place, or a known token. Its head's
/// estimate of the noise at the last timestep is the velocity (of v: what noise and estimate sum up to).
/// Tokens lie in the order of generation, which is the same for all pictures. Under MAR's names.
class MarDiffusion : public image::Mar, public ArDiffusion {
 public:
  explicit MarDiffusion(const image::MarOptions& options);

  /// Each token's state knows of all places.
  at::Tensor states(const at::Tensor& labels, const at::Tensor& tokens) override;
  at::Tensor velocity(const at::Tensor& x, const at::Tensor& t, const at::Tensor& states) const override;
  /// The model's weights.
  void start_from(const image::Mar& model) { copy_weights(*this, model); }

  /// Rows [B, L, ...] from the order of generation to their places, and back.
  at::Tensor placed(const at::Tensor& rows) const;
  at::Tensor ordered(const at::Tensor& rows) const;
  /// The order as a generation takes it, from its end to its beginning: [samples, L] long.
  at::Tensor orders(int64_t samples) const;

 private:
  at::Tensor order_;  ///< [L] long, the place of each token in the order of generation
};

}  // namespace arzoo::distill
