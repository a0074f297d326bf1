#include "shape3d/latent_surface.h"

#include <torch/torch.h>

#include "shape3d/point_tensor.h"

namespace arzoo::shape3d {

FieldQuery latent_field(ShapeAutoencoder& model, const std::vector<at::Tensor>& opened) {
  return [&model, opened](std::span<const io::Vec3> points, std::span<float> values) {
    const auto device = opened.front().device();
    auto logits = model.logits(tensor_of(points).unsqueeze(0).to(device), opened).cpu();
    if (model.level() != 0.0) logits = logits - model.level();
    logits = logits.contiguous();
    const auto* first = logits.const_data_ptr<float>();
    std::copy(first, first + values.size(), values.begin());
  };
}

runtime::DecodedSurface latent_surface(ShapeAutoencoder& model, const at::Tensor& code,
                                       const SurfaceOptions& options) {
  const torch::NoGradGuard no_grad;
  auto grid = cube_grid(options.resolution, model.field_half());
  runtime::DecodedSurface decoded;
  decoded.asked = fill_grid(grid, latent_field(model, model.opened(code)), options.refinement);
  close_borders(grid);
  decoded.mesh = cleaned(isosurface(grid), options.cleaning, options.resolution);
  return decoded;
}

}  // namespace arzoo::shape3d
