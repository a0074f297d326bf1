#pragma once

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

#include <vector>

#include "image/discriminator.h"

namespace arzoo::image {

/// The discriminator of PatchGAN (Isola et al., CVPR 2017): whether each patch of a picture is real. Names as
/// in taming-transformers, whose NLayerDiscriminator with batch normalisation it is.
class PatchDiscriminator : public Discriminator {
 public:
  /// Sizes: disc_dim and disc_num_layers. Weights as in the official start: N(0, 0.02).
  explicit PatchDiscriminator(const VqLossOptions& options);

  /// Logits [B, 1, h, w], large where a patch looks real. x: [B, 3, H, W]. In training the normalisation's
  /// statistics are the batch's. frozen: no gradient reaches the weights.
  at::Tensor forward(const at::Tensor& x, bool frozen = false) override;

 private:
  /// A convolution, and what follows it except after the last.
  struct Layer {
    torch::nn::Conv2d convolution{nullptr};
    torch::nn::BatchNorm2d norm{nullptr};
    bool last = false;
  };
  at::Tensor layer(const Layer& layer, const at::Tensor& x, bool frozen) const;

  std::vector<Layer> layers_;
};

}  // namespace arzoo::image
