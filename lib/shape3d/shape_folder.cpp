#include "shape3d/shape_folder.h"

#include <torch/torch.h>

#include "core/zoo.h"
#include "runtime/model_folder.h"
#include "runtime/named_tensors.h"

namespace arzoo::shape3d {

namespace fs = std::filesystem;

Json folder_json(const ShapeFolder& folder) {
  Json json;
  json["family"] = "shape3d";
  json["model"] = folder.model;
  json["classes"] = folder.classes;
  json["surface_points"] = folder.surface_points;
  json["sampling"] = folder.sampling.is_null() ? Json::object() : folder.sampling;
  return json;
}

ShapeFolder open_shape_folder(const fs::path& path) {
  const auto found = runtime::find_model_folder(path, "shape3d");
  if (!found)
    fail<CheckpointError>("{}: no config.json, expected a run directory or a model folder", path.string());
  const auto& config = found->config;
  const auto model = config.at("model");
  ShapeFolder folder{.path = found->path, .model = model.json()};
  config.at("classes").read(folder.classes, {});
  config.at("surface_points").read(folder.surface_points, between(1, 1e6));
  if (config.has("sampling")) config.at("sampling").read(folder.sampling, {});
  return folder;
}

void save_shape_model(const ShapeFolder& folder, const torch::nn::Module& model,
                      std::optional<at::ScalarType> type) {
  runtime::write_model_folder(folder.path, folder_json(folder), model, type);
}

std::shared_ptr<ShapeVae> load_shape_vae(const ShapeFolder& folder, at::ScalarType type) {
  const Config model(folder.model, (folder.path / "config.json").string(), "/model");
  if (model.text("name") != ShapeVaeOptions::kName)
    fail<UsageError>("{}: a {}, expected a {}", folder.path.string(), model.text("name"),
                     ShapeVaeOptions::kName);
  auto vae = std::make_shared<ShapeVae>(model_options<ShapeVaeOptions>(model));
  vae->set_type(type);
  runtime::load_strictly(*vae, runtime::open_tensors(folder.path), folder.path.string());
  vae->eval();
  return vae;
}

}  // namespace arzoo::shape3d
