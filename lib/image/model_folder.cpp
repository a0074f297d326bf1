#include "image/model_folder.h"

#include "runtime/model_folder.h"

namespace arzoo::image {

namespace fs = std::filesystem;

Json folder_json(const ModelFolder& folder) {
  Json json;
  json["family"] = "image";
  json["model"] = folder.model;
  json["classes"] = folder.classes;
  json["channels"] = folder.channels;
  json["sampling"] = folder.sampling.is_null() ? Json::object() : folder.sampling;
  return json;
}

std::optional<ModelFolder> find_model_folder(const fs::path& path) {
  const auto found = runtime::find_model_folder(path, "image");
  if (!found) return std::nullopt;
  const auto& config = found->config;
  const auto model = config.at("model");
  ModelFolder folder{.path = found->path, .model = model.json()};
  if (config.has("classes")) config.at("classes").read(folder.classes, {});
  if (config.has("channels")) config.at("channels").read(folder.channels, between(1, 3));
  if (config.has("sampling")) config.at("sampling").read(folder.sampling, {});
  return folder;
}

}  // namespace arzoo::image
