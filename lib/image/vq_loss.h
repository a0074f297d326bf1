#pragma once

#include "image/discriminator.h"
#include "image/llamagen_vq_model.h"
#include "runtime/losses.h"

namespace arzoo::image {

/// What tokenizer and discriminator are trained to minimise (official class VQLoss, less LPIPS).
///
/// The official loop takes two steps with two optimisers. Both gradients are of the weights before either
/// step, so here they are parts of one loss: the tokenizer's sees the discriminator's weights as constants,
/// the discriminator's the reconstruction.
struct VqLosses {
  at::Tensor generator, discriminator;  ///< discriminator: undefined without one
  at::Tensor reconstruction, adversarial;
};
/// discriminator: may be null. adversarial_weight: disc_weight, or 0 before disc_start.
VqLosses vq_losses(const VqLossOptions& options, const LlamaGenVq& vae, const LlamaGenVq::Pass& pass,
                   const at::Tensor& images, Discriminator* discriminator, double adversarial_weight);

/// One module of the tokenizer's parts, under their own names, and "discriminator", where there is one: what
/// one optimiser trains.
std::shared_ptr<torch::nn::Module> trained_together(const LlamaGenVq& vae,
                                                    const std::shared_ptr<Discriminator>& discriminator);

/// disc_weight from training batch disc_start on, before that 0. batch: from 0, but officially they are
/// counted from 1.
double adversarial_weight(const VqLossOptions& options, int64_t batch);

}  // namespace arzoo::image
