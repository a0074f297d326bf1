#include "shape3d/latent_surface.h"

#include <torch/torch.h>

#include "shape3d/point_tensor.h"

namespace arzoo::shape3d {

FieldQuery latent_field(ShapeVae& vae, const KeysValues& latents) {
  return [&vae, latents](std::span<const io::Vec3> points, std::span<float> values) {
    const auto device = latents.keys.device();
    const auto logits = vae.query(tensor_of(points).unsqueeze(0).to(device), latents).cpu().contiguous();
    const auto* first = logits.const_data_ptr<float>();
    std::copy(first, first + values.size(), values.begin());
  };
}

runtime::DecodedSurface latent_surface(ShapeVae& vae, const at::Tensor& z, const SurfaceOptions& options) {
  const torch::NoGradGuard no_grad;
  const auto latents = vae.read(vae.decode(z));
  auto grid = cube_grid(options.resolution, kFieldHalf);
  runtime::DecodedSurface decoded;
  decoded.asked = fill_grid(grid, latent_field(vae, latents), options.refinement);
  close_borders(grid);
  decoded.mesh = isosurface(grid);
  return decoded;
}

}  // namespace arzoo::shape3d
