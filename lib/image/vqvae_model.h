#pragma once

#include "image/conv_halves.h"
#include "image/residual_quantizer.h"
#include "runtime/losses.h"

namespace arzoo::image {

/// The multi-scale VQ-VAE: images [B, 3, H, W] in [-1, 1] to token maps and back.
///
/// The quantiser computes in fp32 whatever the type of the two convolutional halves (set_type).
class Vqvae : public torch::nn::Module {
 public:
  /// The weights are memory as it comes until they are loaded or initialised.
  explicit Vqvae(const VqvaeOptions& options);

  const VqvaeOptions& options() const { return options_; }
  ResidualQuantizer& quantizer() { return *quantize_; }
  /// The grids of v_patch_nums.
  Grids grids() const { return square_grids(options_.v_patch_nums); }

  /// The features that are quantised, [B, z, H / f, W / f] in fp32. Throws DataError unless images are
  /// [B, 3, H, W] with H and W multiples of f = downsampling().
  at::Tensor features(const at::Tensor& images);
  /// Token maps of images. The last grid must be H / f x W / f.
  std::vector<at::Tensor> tokens(const at::Tensor& images, const Grids& grids);
  /// Images in [-1, 1], not clamped, of f_hat [B, z, h, w].
  at::Tensor decode_unclamped(const at::Tensor& f_hat);
  /// Images in [-1, 1]; one at a time in inference, so that memory does not grow with the batch.
  at::Tensor decode(const at::Tensor& f_hat);
  /// What is left of images that pass through all token maps.
  at::Tensor reconstruct(const at::Tensor& images, const Grids& grids);

  /// A training pass: the reconstruction (not clamped), the quantiser's loss and each scale's tokens.
  struct Pass {
    at::Tensor images, quantizer_loss;
    std::vector<at::Tensor> ids;
  };
  Pass train_pass(const at::Tensor& images);

  /// PyTorch's default weights.
  void initialise();
  /// The type of encoder and decoder, for inference. Their weights become memory as it comes.
  void set_type(at::ScalarType type) { halves_.set_type(type); }

 private:
  VqvaeOptions options_;
  ConvHalves halves_;
  std::shared_ptr<ResidualQuantizer> quantize_;
  std::shared_ptr<nn::Conv2d> quant_conv_, post_quant_conv_;
};

}  // namespace arzoo::image
