#include "shape3d/shape_vae_loss.h"

#include <torch/torch.h>

#include "shape3d/occupancy_metrics.h"

namespace arzoo::shape3d {

runtime::Losses shape_vae_loss(ShapeVae& vae, const ShapeBatch& batch, const at::Tensor& noise) {
  const auto posterior = vae.encode(batch.clouds);
  const auto latents = vae.read(vae.decode(posterior.sample(noise)));
  const auto logits = vae.query(batch.points, latents);
  const auto fit = at::binary_cross_entropy_with_logits(logits, batch.occupancies);
  const auto kl = posterior.kl().mean({1, 2}).mean();
  const auto statistics = [logits = logits.detach(), labels = batch.occupancies]() -> runtime::Metrics {
    return {{"accuracy", occupancy_accuracy(logits, labels).item<double>()},
            {"iou", occupancy_iou(logits, labels).mean().item<double>()}};
  };
  return {fit + vae.options().lambda_kl * kl, {{"logits", fit.detach()}, {"kl", kl.detach()}}, statistics};
}

}  // namespace arzoo::shape3d
