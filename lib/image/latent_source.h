#pragma once

#include <optional>

#include "image/latent_files.h"
#include "image/model_folder.h"
#include "runtime/image_request.h"

/// Finding a generator of continuous tokens and its tokenizer on disk: run directories and model folders of
/// ours, published files, a trainer's checkpoint.
namespace arzoo::image {

/// Where a model's weights are, before they are read.
struct FoundModel {
  std::string name = {};                   ///< "mar", "himar", "flowar", "llamagen"; "var" for none of those
  std::optional<ModelFolder> folder = {};  ///< of ours; none for a file
  std::filesystem::path file = {};         ///< what the weights are read from
  std::string state_dict = {};             ///< of the file: what was asked for
};

/// source.state_dict, as far as it concerns the model: empty when the model's file does not hold it and the
/// tokenizer's, source.vae, does.
std::string model_state_dict(const runtime::ImageSource& source);

/// What `path` means: a run directory or model folder, a folder with one published file, or a weights file.
/// Throws CheckpointError, ConfigError, UsageError.
FoundModel find_model(const std::filesystem::path& path, const std::string& state_dict);

/// Opens a kl_vae: --vae, or what lies with the model: vae/ in its folder, kl16.ckpt beside its file. Its
/// latent_scale is `wanted`'s where the model's folder says so. Convolutions in `type`. `state_dict` is taken
/// of its file, where that holds it. Throws UsageError naming --vae when there is none, CheckpointError when
/// its latents do not fit.
std::shared_ptr<KlVae> open_kl_vae(const FoundModel& model, const KlVaeOptions& wanted,
                                   const std::optional<std::filesystem::path>& vae, at::ScalarType type,
                                   std::string_view state_dict = {});

/// The tokenizer in a folder of ours, its convolutions in `type`.
std::shared_ptr<KlVae> open_kl_vae(const ModelFolder& folder, at::ScalarType type = at::kFloat);

}  // namespace arzoo::image
