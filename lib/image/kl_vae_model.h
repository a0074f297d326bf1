#pragma once

#include "image/conv_halves.h"
#include "image/kl_vae.h"
#include "nn/diagonal_gaussian.h"

namespace arzoo::image {

/// The KL-VAE: images [B, 3, H, W] in [-1, 1] to latents and back.
class KlVae : public torch::nn::Module {
 public:
  /// The weights are memory as it comes until they are loaded or initialised.
  explicit KlVae(const KlVaeOptions& options);

  const KlVaeOptions& options() const { return options_; }
  /// The factor between its latents and those that are generated.
  double latent_scale() const { return options_.latent_scale; }
  void set_latent_scale(double scale) { options_.latent_scale = scale; }

  /// Means and log variances, [B, 2 z, H / f, W / f] in fp32: nn::DiagonalGaussian::of_moments makes the
  /// posterior of them. Throws DataError unless images are [B, 3, H, W] with H and W multiples of
  /// f = downsampling().
  at::Tensor moments(const at::Tensor& images);
  /// Images in [-1, 1], not clamped, of a latent (unscaled).
  at::Tensor decode_unclamped(const at::Tensor& z);
  /// Images in [-1, 1] of latents as they are generated: scaled.
  at::Tensor decode(const at::Tensor& scaled);
  /// What is left of images: the decoded mean.
  at::Tensor reconstruct(const at::Tensor& images);

  /// PyTorch's default weights.
  void initialise() { nn::initialise_convolutions(*this); }
  /// The type of encoder and decoder, for inference. Their weights become memory as it comes.
  void set_type(at::ScalarType type) { halves_.set_type(type); }

 private:
  KlVaeOptions options_;
  ConvHalves halves_;
  std::shared_ptr<nn::Conv2d> quant_conv_, post_quant_conv_;
};

}  // namespace arzoo::image
