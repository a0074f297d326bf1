#pragma once

#include <torch/nn/module.h>

#include <memory>

#include "image/llamagen_vq.h"

namespace arzoo::image {

/// What tells real pictures from a tokenizer's while both are trained.
class Discriminator : public torch::nn::Module {
 public:
  /// Logits, large where a picture, or a patch of it, looks real: [B, ...]. x: [B, 3, H, W]. frozen: no
  /// gradient reaches the weights.
  virtual at::Tensor forward(const at::Tensor& x, bool frozen = false) = 0;
};

/// That of the options' disc_type; null for a disc_weight of 0. resolution: side of the pictures.
std::shared_ptr<Discriminator> make_discriminator(const VqLossOptions& options, int64_t resolution);

/// What the discriminator minimises, of its logits.
at::Tensor discriminator_loss(const std::string& name, const at::Tensor& real, const at::Tensor& fake);
/// What the tokenizer minimises, of the logits of its pictures.
at::Tensor generator_loss(const std::string& name, const at::Tensor& fake);

}  // namespace arzoo::image
