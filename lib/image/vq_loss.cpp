#include "image/vq_loss.h"

#include <torch/torch.h>

namespace arzoo::image {
namespace {

/// How much larger the gradient of `reconstruction` at the last layer is than that of `adversarial` (Esser et
/// al., VQGAN, CVPR 2021, eq. 7).
at::Tensor adaptive_weight(const at::Tensor& reconstruction, const at::Tensor& adversarial,
                           const at::Tensor& last) {
  constexpr double kOffset = 1e-4, kLargest = 1e4;
  const auto length = [&](const at::Tensor& loss) {
    return torch::autograd::grad({loss}, {last}, {}, /*retain_graph=*/true).front().norm();
  };
  return (length(reconstruction) / (length(adversarial) + kOffset)).clamp(0.0, kLargest).detach();
}

}  // namespace

std::shared_ptr<torch::nn::Module> trained_together(const LlamaGenVq& vae,
                                                    const std::shared_ptr<Discriminator>& discriminator) {
  auto all = std::make_shared<torch::nn::Module>();
  for (const auto& part : vae.named_children()) all->register_module(part.key(), part.value());
  if (discriminator != nullptr) all->register_module("discriminator", discriminator);
  return all;
}

double adversarial_weight(const VqLossOptions& options, int64_t batch) {
  return batch + 1 < options.disc_start ? 0.0 : options.disc_weight;
}

VqLosses vq_losses(const VqLossOptions& options, const LlamaGenVq& vae, const LlamaGenVq::Pass& pass,
                   const at::Tensor& images, Discriminator* discriminator, double adversarial_weight) {
  VqLosses losses;
  const auto& again = pass.images;
  losses.reconstruction =
      options.reconstruction_loss == "l1" ? at::l1_loss(again, images) : at::mse_loss(again, images);
  const auto weighted = losses.reconstruction * options.reconstruction_weight;
  losses.generator = weighted + pass.code.vq + pass.code.commit + pass.code.entropy;
  if (discriminator == nullptr) return losses;
  losses.adversarial = generator_loss(options.gen_loss, discriminator->forward(again, /*frozen=*/true));
  auto share = losses.adversarial * adversarial_weight;
  if (options.disc_adaptive_weight)
    share = share * adaptive_weight(weighted, losses.adversarial, vae.last_weights());
  losses.generator = losses.generator + share;
  const auto real = discriminator->forward(images.detach()), fake = discriminator->forward(again.detach());
  losses.discriminator = discriminator_loss(options.disc_loss, real, fake) * adversarial_weight;
  return losses;
}

}  // namespace arzoo::image
