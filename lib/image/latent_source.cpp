#include "image/latent_source.h"

#include "image/llamagen.h"
#include "image/trained_tokenizer.h"
#include "image/var.h"
#include "image/weight_kind.h"
#include "io/tensor_files.h"

namespace arzoo::image {
namespace {

namespace fs = std::filesystem;

constexpr const char *kTrainerFile = "checkpoint-last.pth", *kPublishedVae = "kl16.ckpt";

/// The one published file of a folder without a config; the folder itself when there is none.
fs::path published_file(const fs::path& folder) {
  if (fs::exists(folder / kTrainerFile)) return folder / kTrainerFile;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    const bool flowar = name.starts_with("FlowAR-") && name.ends_with(".pth");
    const bool llamagen = (name.starts_with("c2i_") || name.starts_with("t2i_")) && name.ends_with(".pt");
    if (flowar || llamagen) found.push_back(entry.path());
  }
  return found.size() == 1 ? found.front() : folder;
}

/// The model that a file's tensors are of, by their names. Throws CheckpointError for a tokenizer's and for
/// models that do not generate here.
std::string model_of_names(const fs::path& file) {
  std::vector<std::string> names;
  for (const auto& row : io::describe_tensors(file).tensors) names.push_back(row.name);
  const auto kind = kind_of_weights(names);
  switch (kind) {
    case WeightKind::mar:
      return std::string(MarOptions::kName);
    case WeightKind::himar:
      return std::string(HiMarOptions::kName);
    case WeightKind::flowar:
      return std::string(FlowArOptions::kName);
    case WeightKind::llamagen:
      return std::string(LlamaGenOptions::kName);
    case WeightKind::var:
    case WeightKind::unknown:
      return std::string(VarOptions::kName);
    default:
      fail<CheckpointError>(
          "{}: the weights of {}, expected those of a VAR, a MAR, a Hi-MAR, a FlowAR or a LlamaGen",
          file.string(), in_words(kind));
  }
}

}  // namespace

std::string model_state_dict(const runtime::ImageSource& source) {
  const auto holds = [&](const fs::path& path) {
    return fs::is_regular_file(path) && !io::state_dict_in(path, source.state_dict).empty();
  };
  const bool is_of_vae = source.vae && holds(*source.vae) && !holds(source.model);
  return is_of_vae ? "" : source.state_dict;
}

FoundModel find_model(const fs::path& path, const std::string& state_dict) {
  if (!fs::exists(path)) {
    fail<CheckpointError>(
        "{}: no such file or folder (expected a run directory, a model folder or a weights file)",
        path.string());
  }
  FoundModel found;
  found.state_dict = state_dict;
  if (fs::is_directory(path)) found.folder = find_model_folder(path);
  if (found.folder) {
    found.file = found.folder->path;
    found.name = found.folder->model.value("name", "");
    return found;
  }
  found.file = fs::is_directory(path) ? published_file(path) : path;
  found.name = std::string(VarOptions::kName);
  if (fs::is_directory(found.file)) return found;
  found.name = model_of_names(found.file);
  return found;
}

std::shared_ptr<KlVae> open_kl_vae(const ModelFolder& folder, at::ScalarType type) {
  return load_kl_vae(runtime::options_in<KlVaeOptions>(folder), runtime::open_tensors(folder.path), type);
}

std::shared_ptr<KlVae> open_kl_vae(const FoundModel& model, const KlVaeOptions& wanted,
                                   const std::optional<fs::path>& vae, at::ScalarType type,
                                   std::string_view state_dict) {
  const auto path = vae            ? *vae
                    : model.folder ? model.folder->path / "vae"
                                   : model.file.parent_path() / kPublishedVae;
  if (!fs::exists(path)) {
    if (vae) fail<CheckpointError>("{}: no such file or folder", path.string());
    fail<UsageError>("--vae: needed, there is no {}", path.string());
  }
  const auto folder = fs::is_directory(path) ? find_model_folder(path) : std::nullopt;
  if (fs::is_directory(path) && !folder)
    fail<CheckpointError>("{}: no config.json in it, expected a tokenizer's folder", path.string());
  std::shared_ptr<KlVae> opened;
  if (folder) {
    opened = open_kl_vae(*folder, type);
  } else {
    const auto weights = runtime::open_tensors(path, io::state_dict_in(path, state_dict));
    opened = load_kl_vae(kl_vae_options_of(weights), weights, type);
  }
  const auto& own = opened->options();
  if (own.embed_dim != wanted.embed_dim || own.downsampling() != wanted.downsampling()) {
    fail<CheckpointError>(
        "{}: latents of {} channels, {} pixels each, expected {} of {} (another model's tokenizer)",
        path.string(), own.embed_dim, own.downsampling(), wanted.embed_dim, wanted.downsampling());
  }
  if (model.folder) opened->set_latent_scale(wanted.latent_scale);
  return opened;
}

}  // namespace arzoo::image
