#pragma once

#include <torch/nn/module.h>

#include "image/feature_net.h"
#include "nn/conv2d.h"
#include "nn/group_norm.h"
#include "nn/linear_layer.h"

namespace arzoo::image {

/// Stages of two 3x3 convolutions, the first of stride 2, each with group normalisation and SiLU; the mean
/// over the pixels; a linear map to the classes.
class FeatureNet : public torch::nn::Module {
 public:
  /// The weights are memory as it comes until they are loaded or initialised.
  explicit FeatureNet(const FeatureNetOptions& options);

  const FeatureNetOptions& options() const { return options_; }
  /// images: [B, 3, P, P] in [-1, 1]; returns [B, F].
  at::Tensor features(const at::Tensor& images);
  /// features: [B, F]; returns logits [B, classes].
  at::Tensor classify(const at::Tensor& features);

  /// PyTorch's default weights.
  void initialise();

 private:
  FeatureNetOptions options_;
  std::vector<std::shared_ptr<nn::Conv2d>> convolutions_;
  std::vector<std::shared_ptr<nn::GroupNorm>> norms_;
  std::shared_ptr<nn::LinearLayer> head_;
};

}  // namespace arzoo::image
