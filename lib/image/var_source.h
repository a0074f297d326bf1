#pragma once

#include <optional>

#include "image/model_folder.h"
#include "image/var_files.h"

/// Finding a VAR and its tokenizer on disk: run directories and model folders of ours, published files,
/// a trainer's checkpoint that holds both.
namespace arzoo::image {

/// A transformer that was opened, and what lies with it.
struct OpenedVar {
  std::shared_ptr<Var> model;
  std::optional<ModelFolder> folder;  ///< of ours; none for a file
  std::filesystem::path file;         ///< what the weights were read from
  bool is_trainer = false;            ///< a trainer's checkpoint, which holds the tokenizer as well
};

/// `path`: a run directory or model folder, a folder with one var_*.pth, or a weights file. Linear maps in
/// `type`. Throws CheckpointError, ConfigError, UsageError.
OpenedVar open_var(const std::filesystem::path& path, const std::string& state_dict, at::ScalarType type);

/// The options of the tokenizer in a folder. Throws UsageError for another model's folder, ConfigError.
VqvaeOptions vqvae_options_of(const ModelFolder& folder);
/// The tokenizer in a folder, its convolutions in `type`. Throws as vqvae_options_of does, CheckpointError.
std::shared_ptr<Vqvae> open_vqvae(const ModelFolder& folder, at::ScalarType type = at::kFloat);

/// The tokenizer at `vae`, or when none is named the one that lies with the transformer: vae/ in its folder,
/// the checkpoint's own, or the published file beside it. Convolutions in `type`. `state_dict` is taken of
/// its file, where that holds it. Throws as open_var does; UsageError naming --vae when there is none.
std::shared_ptr<Vqvae> open_tokenizer(const OpenedVar& var, const std::optional<std::filesystem::path>& vae,
                                      at::ScalarType type, std::string_view state_dict = {});
/// The same beside another model of such tokens: in its folder, or, where it has none, beside its file.
std::shared_ptr<Vqvae> open_tokenizer(const std::optional<ModelFolder>& folder,
                                      const std::filesystem::path& file,
                                      const std::vector<int64_t>& patch_nums,
                                      const std::optional<std::filesystem::path>& vae, at::ScalarType type,
                                      std::string_view state_dict = {});

}  // namespace arzoo::image
