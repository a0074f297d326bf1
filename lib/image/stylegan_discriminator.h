#pragma once

#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <vector>

#include "image/discriminator.h"

namespace arzoo::image {

/// The discriminator of StyleGAN2 (Karras et al., CVPR 2020) as LlamaGen's tokenizer is trained with it:
/// residual blocks, each of which halves the picture, and one logit for the whole of it. Names are the
/// official class's.
class StyleGanDiscriminator : public Discriminator {
 public:
  /// Sides that the official table has channels for: powers of two.
  static constexpr int64_t kSmallest = 4, kLargest = 1024;

  /// resolution: side of the pictures.
  explicit StyleGanDiscriminator(int64_t resolution);
  /// Returns [B, 1].
  at::Tensor forward(const at::Tensor& x, bool frozen = false) override;

 private:
  struct Block {
    torch::nn::Conv2d beside{nullptr}, first{nullptr}, second{nullptr}, halving{nullptr};
    at::Tensor filter;  ///< of the blur, [3]
  };
  Block add_block(torch::nn::Module& blocks, int64_t place, int64_t in, int64_t out) const;

  torch::nn::Conv2d begin_{nullptr}, end_{nullptr};
  std::vector<Block> blocks_;
  torch::nn::Linear hidden_{nullptr}, logit_{nullptr};
};

}  // namespace arzoo::image
