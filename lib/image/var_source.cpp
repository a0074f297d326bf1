#include "image/var_source.h"

#include <algorithm>

#include "core/bytes.h"
#include "core/display_text.h"
#include "image/trained_tokenizer.h"
#include "io/tensor_files.h"

namespace arzoo::image {
namespace {

namespace fs = std::filesystem;

// In ar-ckpt-last.pth and ar-ckpt-best.pth, which VAR's trainer writes.
constexpr const char *kTrainedVar = "trainer.var_wo_ddp", *kTrainedVae = "trainer.vae_local";

/// The files PREFIX*.pth of a folder.
std::vector<std::string> published_files(const fs::path& folder, std::string_view prefix) {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(folder.empty() ? "." : folder)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with(prefix) && name.ends_with(".pth")) found.push_back(name);
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// The one var_*.pth of a folder without a config, as it is downloaded.
fs::path published_var(const fs::path& folder) {
  const auto found = published_files(folder, "var_");
  if (found.size() == 1) return folder / found.front();
  if (found.empty()) {
    fail<CheckpointError>(
        "{}: neither a config.json of ours nor a var_*.pth in it (expected a run directory, a model folder, "
        "or "
        "the published files; did the run save a model yet?)",
        folder.string());
  }
  fail<UsageError>("{}: holds several models, expected one to be named: {}", folder.string(),
                   first_few(found, in_quotes));
}

/// The tokenizer beside a published file.
fs::path published_vae(const fs::path& folder) {
  const auto found = published_files(folder, "vae_");
  if (found.size() == 1) return folder / found.front();
  fail<UsageError>("--vae: needed, there {} beside the model{}",
                   found.empty() ? "is no vae_*.pth" : "are several vae_*.pth",
                   found.empty() ? "" : ": " + first_few(found, in_quotes));
}

bool holds_trainer(const fs::path& file) {
  const auto dicts = io::describe_tensors(file).state_dicts;
  return std::find(dicts.begin(), dicts.end(), kTrainedVar) != dicts.end();
}

std::shared_ptr<Vqvae> tokenizer_of_file(const fs::path& file, std::string_view state_dict,
                                         const std::vector<int64_t>& patch_nums, at::ScalarType type) {
  const auto weights = runtime::open_tensors(file, state_dict);
  auto options = vqvae_options_of(weights);
  options.v_patch_nums = patch_nums;
  return load_vqvae(options, weights, type);
}

std::shared_ptr<Vqvae> tokenizer_at(const fs::path& path, const std::vector<int64_t>& patch_nums,
                                    at::ScalarType type, std::string_view state_dict) {
  if (!fs::exists(path)) fail<CheckpointError>("{}: no such file or folder", path.string());
  if (!fs::is_directory(path))
    return tokenizer_of_file(path, io::state_dict_in(path, state_dict), patch_nums, type);
  const auto folder = find_model_folder(path);
  if (!folder)
    fail<CheckpointError>("{}: no config.json in it, expected a tokenizer's folder", path.string());
  return open_vqvae(*folder, type);
}

}  // namespace

VqvaeOptions vqvae_options_of(const ModelFolder& folder) { return runtime::options_in<VqvaeOptions>(folder); }

std::shared_ptr<Vqvae> open_vqvae(const ModelFolder& folder, at::ScalarType type) {
  return load_vqvae(vqvae_options_of(folder), runtime::open_tensors(folder.path), type);
}

OpenedVar open_var(const fs::path& path, const std::string& state_dict, at::ScalarType type) {
  if (!fs::exists(path)) {
    fail<CheckpointError>(
        "{}: no such file or folder (expected a run directory, a model folder or a weights file)",
        path.string());
  }
  OpenedVar opened;
  if (fs::is_directory(path)) opened.folder = find_model_folder(path);
  if (opened.folder) {
    opened.file = opened.folder->path;
    const auto options = runtime::options_in<VarOptions>(*opened.folder);
    opened.model = load_var(options, runtime::open_tensors(opened.file, state_dict), type);
    return opened;
  }
  opened.file = fs::is_directory(path) ? published_var(path) : path;
  opened.is_trainer = (state_dict.empty() || state_dict == kTrainedVar) && holds_trainer(opened.file);
  const auto weights = runtime::open_tensors(opened.file, opened.is_trainer ? kTrainedVar : state_dict);
  opened.model = load_var(var_options_of(weights), weights, type);
  return opened;
}

std::shared_ptr<Vqvae> open_tokenizer(const OpenedVar& var, const std::optional<fs::path>& vae,
                                      at::ScalarType type, std::string_view state_dict) {
  const auto& patch_nums = var.model->options().patch_nums;
  if (!vae && var.is_trainer) return tokenizer_of_file(var.file, kTrainedVae, patch_nums, type);
  return open_tokenizer(var.folder, var.file, patch_nums, vae, type, state_dict);
}

std::shared_ptr<Vqvae> open_tokenizer(const std::optional<ModelFolder>& folder, const fs::path& file,
                                      const std::vector<int64_t>& patch_nums,
                                      const std::optional<fs::path>& vae, at::ScalarType type,
                                      std::string_view state_dict) {
  if (vae) return tokenizer_at(*vae, patch_nums, type, state_dict);
  if (!folder) return tokenizer_at(published_vae(file.parent_path()), patch_nums, type, state_dict);
  const auto inside = folder->path / "vae";
  if (!fs::exists(inside)) fail<UsageError>("--vae: needed, there is no {}", inside.string());
  return tokenizer_at(inside, patch_nums, type, state_dict);
}

}  // namespace arzoo::image
