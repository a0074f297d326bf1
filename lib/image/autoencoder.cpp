#include "image/autoencoder.h"

#include <torch/torch.h>

#include "image/latent_source.h"
#include "image/llamagen_source.h"
#include "image/var_source.h"

namespace arzoo::image {

Reconstruction open_autoencoder(const ModelFolder& folder, const runtime::Compute& compute) {
  const auto name = folder.model.value("name", "");
  if (name == VqvaeOptions::kName) {
    const auto vae = open_vqvae(folder);
    vae->to(compute.device);
    return [vae](const at::Tensor& images) { return vae->reconstruct(images, vae->grids()); };
  }
  if (name == KlVaeOptions::kName) {
    const auto vae = open_kl_vae(folder);
    vae->to(compute.device);
    return [vae](const at::Tensor& images) { return vae->reconstruct(images); };
  }
  if (name == LlamaGenVqOptions::kName) {
    const auto vae = open_llamagen_vq(folder);
    vae->to(compute.device);
    return [vae](const at::Tensor& images) { return vae->reconstruct(images); };
  }
  return nullptr;
}

}  // namespace arzoo::image
