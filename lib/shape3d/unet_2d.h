#pragma once

#include "nn/conv2d.h"
#include "shape3d/argus3d_vq.h"

namespace arzoo::shape3d {

/// Twice the side: a transposed 2x2 convolution of stride 2, as torch.nn.ConvTranspose2d.
class TransposedConvolution : public torch::nn::Module {
 public:
  TransposedConvolution(int64_t in, int64_t out);
  /// x: [B, in, H, W]; returns [B, out, 2 H, 2 W].
  at::Tensor forward(const at::Tensor& x) const;
  /// PyTorch's default.
  void initialise();

 private:
  at::Tensor weight_, bias_;  ///< [in, out, 2, 2], [out]
};

/// A U-Net (Ronneberger et al., MICCAI 2015) on a plane, with zeros beyond the border and the official names.
class UNet2d : public torch::nn::Module {
 public:
  UNet2d(int64_t channels, const UNet2dOptions& options);
  /// x: [B, C, H, W], H and W multiples of 2^(depth - 1); returns the same.
  at::Tensor forward(const at::Tensor& x);
  /// The official start: Xavier-normal weights and zero biases, PyTorch's own of what is transposed.
  void initialise();

 private:
  struct Level {
    std::shared_ptr<nn::Conv2d> conv1, conv2;
    std::shared_ptr<TransposedConvolution> up;  ///< of the way up; or
    std::shared_ptr<nn::Conv2d> pointwise;      ///< behind bilinear upsampling
  };
  static at::Tensor convolved(const Level& level, const at::Tensor& x);

  bool concat_;
  std::vector<Level> down_, up_;
  std::shared_ptr<nn::Conv2d> conv_final_;
};

/// Twice the side, each place copied: x [B, C, H, W].
at::Tensor doubled(const at::Tensor& x);

/// A 1x1 convolution.
std::shared_ptr<nn::Conv2d> pointwise_convolution(int64_t in, int64_t out);

}  // namespace arzoo::shape3d
