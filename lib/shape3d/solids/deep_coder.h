#pragma once

#include <torch/nn/modules/container/modulelist.h>

#include <memory>
#include <vector>

/// The deep-compression auto-encoder (Chen et al., DC-AE, ICLR 2025) of curves and grids, under the names of
/// its released code: between stages resolution moves into channels, beside shortcuts that have no weights.
/// x: [B, C, L] or [B, C, H, W].
namespace arzoo::shape3d {

/// What both halves are made of.
struct DeepCoderShape {
  int64_t axes = 2;      ///< of a sample: 1 for curves, 2 for grids
  int64_t channels = 3;  ///< of a point
  int64_t latent = 4;    ///< channels of a code
  std::vector<int64_t> stages = {};
  int64_t layers = 1;  ///< residual blocks of a stage
};

/// A convolution of kernel 3 and padding 1.
class DeepConv : public torch::nn::Module {
 public:
  DeepConv(int64_t axes, int64_t in, int64_t out, bool with_bias = true, int64_t stride = 1);
  at::Tensor forward(const at::Tensor& x) const;
  /// PyTorch's default: uniform within 1 / sqrt(fan in).
  void initialise();

 private:
  int64_t stride_;
  at::Tensor weight_, bias_;
};

class DeepEncoder : public torch::nn::Module {
 public:
  explicit DeepEncoder(const DeepCoderShape& shape);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  DeepCoderShape shape_;
  std::shared_ptr<DeepConv> conv_in_, conv_out_;
  torch::nn::ModuleList stages_;
};

class DeepDecoder : public torch::nn::Module {
 public:
  explicit DeepDecoder(const DeepCoderShape& shape);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  DeepCoderShape shape_;
  std::shared_ptr<DeepConv> conv_in_, conv_out_;
  torch::nn::ModuleList stages_;
  std::shared_ptr<torch::nn::Module> norm_out_;
};

}  // namespace arzoo::shape3d
