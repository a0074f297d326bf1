#include "image/llamagen_source.h"

#include <algorithm>

#include "core/bytes.h"
#include "core/display_text.h"
#include "image/trained_tokenizer.h"
#include "io/tensor_files.h"

namespace arzoo::image {
namespace {

namespace fs = std::filesystem;

/// The published tokenizer beside a published transformer.
fs::path published_tokenizer(const fs::path& folder) {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(folder.empty() ? "." : folder)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with("vq_ds") && name.ends_with(".pt")) found.push_back(name);
  }
  std::sort(found.begin(), found.end());
  if (found.size() == 1) return folder / found.front();
  fail<UsageError>("--vae: needed, there {} beside the model{}",
                   found.empty() ? "is no vq_ds*.pt" : "are several vq_ds*.pt",
                   found.empty() ? "" : ": " + first_few(found, in_quotes));
}

fs::path tokenizer_path(const FoundModel& model, const std::optional<fs::path>& vae) {
  if (vae) {
    if (!fs::exists(*vae)) fail<CheckpointError>("{}: no such file or folder", vae->string());
    return *vae;
  }
  if (!model.folder) return published_tokenizer(model.file.parent_path());
  const auto inside = model.folder->path / "vae";
  if (!fs::exists(inside)) fail<UsageError>("--vae: needed, there is no {}", inside.string());
  return inside;
}

}  // namespace

OpenedLlamaGen open_llamagen(const fs::path& path, const std::string& state_dict, at::ScalarType type) {
  OpenedLlamaGen opened{find_model(path, state_dict), nullptr};
  const auto& [name, folder, file, dict] = opened.found;
  const auto weights = runtime::open_tensors(file, state_dict);
  opened.model = load_llamagen(
      folder ? runtime::options_in<LlamaGenOptions>(*folder) : llamagen_options_of(weights), weights, type);
  return opened;
}

std::shared_ptr<LlamaGenVq> open_llamagen_vq(const ModelFolder& folder, at::ScalarType type) {
  return load_llamagen_vq(runtime::options_in<LlamaGenVqOptions>(folder), runtime::open_tensors(folder.path),
                          type);
}

std::shared_ptr<LlamaGenVq> open_llamagen_vq(const FoundModel& model, const std::optional<fs::path>& vae,
                                             at::ScalarType type, std::string_view state_dict) {
  const auto path = tokenizer_path(model, vae);
  if (!fs::is_directory(path)) {
    const auto weights = runtime::open_tensors(path, io::state_dict_in(path, state_dict));
    return load_llamagen_vq(llamagen_vq_options_of(weights), weights, type);
  }
  const auto folder = find_model_folder(path);
  if (!folder)
    fail<CheckpointError>("{}: no config.json in it, expected a tokenizer's folder", path.string());
  return open_llamagen_vq(*folder, type);
}

}  // namespace arzoo::image
