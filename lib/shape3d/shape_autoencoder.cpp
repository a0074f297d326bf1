#include "shape3d/shape_autoencoder.h"

#include <torch/torch.h>

#include <algorithm>

#include "shape3d/family.h"

namespace arzoo::shape3d {

SurfaceClouds SurfaceClouds::to(at::Device device) const {
  auto moved = *this;
  for (auto& level : moved.levels) level = level.to(device);
  return moved;
}

std::shared_ptr<ShapeAutoencoder> load_autoencoder(const ModelFolder& folder, at::ScalarType type) {
  const Config section(folder.model, (folder.path / "config.json").string(), "/model");
  const auto name = section.text("name");
  const auto& models = family().models;
  const auto entry =
      std::find_if(models.begin(), models.end(), [&](const auto* own) { return own->name == name; });
  const auto model = entry == models.end() ? nullptr : (*entry)->build(section);
  const auto autoencoder = std::dynamic_pointer_cast<ShapeAutoencoder>(model);
  if (autoencoder == nullptr)
    fail<UsageError>("{}: a model \"{}\", expected one that codes shapes", folder.path.string(), name);
  autoencoder->set_type(type);
  runtime::load_strictly(*model, runtime::open_tensors(folder.path), folder.path.string());
  model->eval();
  return autoencoder;
}

}  // namespace arzoo::shape3d
