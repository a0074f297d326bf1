#pragma once

#include <ATen/core/Tensor.h>

#include "nn/visible_tokens.h"

namespace arzoo::forecast {

/// A model that knows hidden steps of a window from the others: a masked autoencoder.
class Reconstructor {
 public:
  virtual ~Reconstructor() = default;
  /// Steps of its longest window; 0 for a model of this kind that was trained to forecast alone.
  virtual int64_t longest_window() const = 0;
  /// Steps that it must see of a window of `length`: it was trained with no fewer.
  virtual int64_t least_visible(int64_t length) const = 0;
  /// x: [B, L, C] scaled windows, anything finite where hidden; returns [B, L, C] float, all steps.
  virtual at::Tensor reconstructed(const at::Tensor& x, const nn::VisibleTokens& visible) = 0;
};

}  // namespace arzoo::forecast
