#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::nn {

/// A normal distribution with a diagonal covariance, what a variational autoencoder's encoder gives (Kingma
/// and Welling, 2014).
struct DiagonalGaussian {
  at::Tensor mean, logvar;  ///< of any shape, the same

  /// The two halves of `moments` along an axis: means, and log variances, which are clamped to [-30, 20] as
  /// in latent diffusion's code.
  static DiagonalGaussian of_moments(const at::Tensor& moments, int64_t axis);

  at::Tensor stddev() const;
  /// mean + stddev * noise; noise from the standard normal distribution, of the same shape.
  at::Tensor sample(const at::Tensor& noise) const;
  /// The divergence from the standard normal distribution in nats, of each number: of the same shape. A model
  /// sums it or takes its mean.
  at::Tensor kl() const;
};

}  // namespace arzoo::nn
