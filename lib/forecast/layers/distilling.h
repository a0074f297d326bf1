#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

namespace arzoo::forecast {

/// Self-attention distilling (Informer, Sec. 3.2): a circular convolution, batch norm, ELU and max pooling
/// with stride two halve the series between two encoder layers. Key names of the official ConvLayer.
class DistillingLayer : public torch::nn::Module {
 public:
  /// padding: of the convolution, 1 in Informer2020, 2 in the Time-Series-Library, whose series grow by two
  /// steps here.
  DistillingLayer(int64_t d_model, int64_t padding);
  /// x: [B, L, D]; returns [B, floor((L + 2 * padding - 3) / 2) + 1, D].
  at::Tensor forward(const at::Tensor& x);

 private:
  at::Tensor normalised_convolution(const at::Tensor& x);

  int64_t padding_;
  torch::nn::Conv1d down_conv_{nullptr};
  torch::nn::BatchNorm1d norm_{nullptr};
};

}  // namespace arzoo::forecast
