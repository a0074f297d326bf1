#include "image/discriminator.h"

#include <torch/torch.h>

#include "image/patch_discriminator.h"
#include "image/stylegan_discriminator.h"

namespace arzoo::image {
namespace {

/// The official code takes ones for the input and the logits for the targets.
at::Tensor swapped_cross_entropy(const at::Tensor& label, const at::Tensor& logits) {
  return at::binary_cross_entropy_with_logits(label, logits);
}

}  // namespace

std::shared_ptr<Discriminator> make_discriminator(const VqLossOptions& options, int64_t resolution) {
  if (options.disc_weight <= 0) return nullptr;
  if (options.disc_type == "stylegan") return std::make_shared<StyleGanDiscriminator>(resolution);
  return std::make_shared<PatchDiscriminator>(options);
}

at::Tensor discriminator_loss(const std::string& name, const at::Tensor& real, const at::Tensor& fake) {
  if (name == "hinge") return 0.5 * (at::relu(1.0 - real).mean() + at::relu(1.0 + fake).mean());
  if (name == "vanilla") return 0.5 * (at::softplus(-real).mean() + at::softplus(fake).mean());
  return 0.5 * (swapped_cross_entropy(at::ones_like(real), real) +
                swapped_cross_entropy(at::zeros_like(fake), fake));
}

at::Tensor generator_loss(const std::string& name, const at::Tensor& fake) {
  return name == "hinge" ? -fake.mean() : swapped_cross_entropy(at::ones_like(fake), fake);
}

}  // namespace arzoo::image
