#pragma once

#include "nn/conv2d.h"
#include "nn/group_norm.h"

/// The blocks of the convolutional autoencoders in the line of VQGAN (Esser et al., CVPR 2021) and of latent
/// diffusion, with their official names. x: [B, C, H, W]; channel counts are multiples of GroupNorm::kGroups.
namespace arzoo::nn {

/// A 3x3 convolution that keeps height and width.
std::shared_ptr<Conv2d> convolution3x3(int64_t in, int64_t out);

/// shortcut(x) + conv2(silu(norm2(conv1(silu(norm1(x)))))); the shortcut is a 1x1 convolution where the
/// channel counts differ.
class ResBlock : public torch::nn::Module {
 public:
  /// dropout: before the second convolution, in training.
  ResBlock(int64_t in, int64_t out, double dropout = 0.0);
  /// Returns [B, out, H, W].
  at::Tensor forward(const at::Tensor& x);

 private:
  std::shared_ptr<GroupNorm> norm1_, norm2_;
  std::shared_ptr<Conv2d> conv1_, conv2_, nin_shortcut_;
  double dropout_;
};

/// x + attention of a single head over all pixels.
class AttnBlock : public torch::nn::Module {
 public:
  /// fused: one convolution "qkv" instead of "q", "k" and "v".
  explicit AttnBlock(int64_t channels, bool fused = true);
  at::Tensor forward(const at::Tensor& x);

 private:
  std::shared_ptr<GroupNorm> norm_;
  std::vector<std::shared_ptr<Conv2d>> maps_;  ///< qkv, or q, k, v
  std::shared_ptr<Conv2d> proj_out_;
};

/// Half the size: a 3x3 convolution of stride 2 over x with one more row and column of zeros at the bottom
/// and at the right, none at the top and at the left.
class Downsample : public torch::nn::Module {
 public:
  explicit Downsample(int64_t channels);
  at::Tensor forward(const at::Tensor& x);

 private:
  std::shared_ptr<Conv2d> conv_;
};

/// Twice the size: nearest neighbour, then a 3x3 convolution.
///
/// Packed, it is four 2x2 convolutions of the small image, one for each place that a pixel can have in a
/// pair: where the 3x3 kernel meets copies of one pixel, its weights are added up beforehand. 4 / 9 of the
/// work.
class Upsample : public torch::nn::Module, public kernels::PackedForInference {
 public:
  explicit Upsample(int64_t channels);
  at::Tensor forward(const at::Tensor& x);
  void pack() override;

 private:
  at::Tensor by_parity(const at::Tensor& x) const;

  std::shared_ptr<Conv2d> conv_;
  std::vector<std::shared_ptr<Conv2d>> parities_;  ///< of (even, odd) rows and columns; none before pack()
};

}  // namespace arzoo::nn
