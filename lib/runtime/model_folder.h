#pragma once

#include <torch/nn/module.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/options_among.h"
#include "core/zoo.h"
#include "runtime/named_tensors.h"

/// Folders that hold a trained model: config.json of ours ("family", "model", …) and its weights.
namespace arzoo::runtime {

/// The folder that `path`, a run directory or a model folder, means, and its config.json.
struct FoundFolder {
  std::filesystem::path path;  ///< where config.json and the weights are
  Config config;
};
/// Nothing where there is no config.json of ours. Throws ConfigError for one that is no JSON.
std::optional<FoundFolder> find_model_folder(const std::filesystem::path& path);

/// The same, of this family. Throws UsageError for the folder of another family.
std::optional<FoundFolder> find_model_folder(const std::filesystem::path& path, std::string_view family);

/// The name of the model in such a folder.
std::optional<std::string> model_name_in(const std::filesystem::path& path);

/// Writes the folder of a trained model, which is made if it is not there: config.json and model.safetensors,
/// the parameters and buffers under their official names; floating-point ones in `type` if one is given.
void write_model_folder(const std::filesystem::path& folder, const Json& config,
                        const torch::nn::Module& model, std::optional<at::ScalarType> type = std::nullopt);

/// The same of these tensors and metadata.
void write_model_folder(const std::filesystem::path& folder, const Json& config,
                        const std::vector<NamedTensors::Entry>& tensors,
                        const std::vector<std::pair<std::string, std::string>>& metadata);

/// The folder of a trained model that generates, as its family reads it: what config.json says besides the
/// weights. A model that generates tokens has its tokenizer's folder, of the same form, in vae/.
///
/// Facts: what the family notes of the data that the model learnt from, an options struct (core/config.h)
/// with the family's name, kFamily. Its fields stand beside "model".
template <class Facts>
struct ModelFolder {
  std::filesystem::path path;  ///< where config.json and the weights are
  Json model;                  ///< the model's options, "name" first
  std::vector<std::string> classes = {};
  Facts facts = {};
  Json sampling = {};  ///< options of generation that the author chose; an object, or null
};

template <class Facts>
Json folder_json(const ModelFolder<Facts>& folder) {
  Json json{{"family", Facts::kFamily}, {"model", folder.model}, {"classes", folder.classes}};
  json.update(to_json(folder.facts));
  json["sampling"] = folder.sampling.is_null() ? Json::object() : folder.sampling;
  return json;
}

/// The folder that `path`, a run directory or a model folder, means; nothing where there is no config.json of
/// ours. Throws ConfigError, UsageError for the folder of another family.
template <class Facts>
std::optional<ModelFolder<Facts>> read_model_folder(const std::filesystem::path& path) {
  const auto found = find_model_folder(path, Facts::kFamily);
  if (!found) return std::nullopt;
  const auto& config = found->config;
  const auto model = config.at("model");
  ModelFolder<Facts> folder{
      .path = found->path, .model = model.json(), .facts = options_among<Facts>(config)};
  if (config.has("classes")) config.at("classes").read(folder.classes, {});
  if (config.has("sampling")) config.at("sampling").read(folder.sampling, {});
  return folder;
}

/// Writes folder.path/config.json and model.safetensors, with the official names; floating-point weights in
/// `type` if one is given.
template <class Facts>
void save_model(const ModelFolder<Facts>& folder, const torch::nn::Module& model,
                std::optional<at::ScalarType> type = std::nullopt) {
  write_model_folder(folder.path, folder_json(folder), model, type);
}

/// The options in the folder of a model "Options::kName". Throws UsageError for another model's folder,
/// ConfigError.
template <class Options, class Facts>
Options options_in(const ModelFolder<Facts>& folder) {
  const Config model(folder.model, (folder.path / "config.json").string(), "/model");
  if (model.text("name") != Options::kName)
    fail<UsageError>("{}: a model \"{}\", expected \"{}\"", folder.path.string(), model.text("name"),
                     Options::kName);
  return model_options<Options>(model);
}

}  // namespace arzoo::runtime
