#include "runtime/model_folder.h"

#include <torch/torch.h>

#include "core/atomic_file.h"
#include "core/run_dir.h"
#include "runtime/safetensors.h"

namespace arzoo::runtime {

namespace fs = std::filesystem;

std::optional<FoundFolder> find_model_folder(const fs::path& path) {
  const auto where = model_place(path);
  if (!fs::exists(where / "config.json")) return std::nullopt;
  auto config = Config::load(where / "config.json");
  if (!config.has("family")) return std::nullopt;  // another program's
  return FoundFolder{where, std::move(config)};
}

std::optional<FoundFolder> find_model_folder(const fs::path& path, std::string_view family) {
  auto found = find_model_folder(path);
  if (found && found->config.text("family") != family)
    fail<UsageError>("{}: a model of the family {}, expected one of the family {}", path.string(),
                     found->config.text("family"), family);
  return found;
}

std::optional<std::string> model_name_in(const fs::path& path) {
  const auto found = find_model_folder(path);
  if (!found) return std::nullopt;
  return found->config.at("model").text("name");
}

void write_model_folder(const fs::path& folder, const Json& config, const torch::nn::Module& model,
                        std::optional<at::ScalarType> type) {
  auto tensors = state_dict(model).entries();
  for (auto& [name, tensor] : tensors) {
    if (type && tensor.is_floating_point()) tensor = tensor.to(*type);
  }
  // PyTorch's own loaders look for this.
  write_model_folder(folder, config, tensors, {{"format", "pt"}});
}

void write_model_folder(const fs::path& folder, const Json& config,
                        const std::vector<NamedTensors::Entry>& tensors,
                        const std::vector<std::pair<std::string, std::string>>& metadata) {
  fs::create_directories(folder);
  write_atomically(folder / "config.json", dump_json(config, 2) + "\n");
  write_safetensors(folder / "model.safetensors", tensors, metadata);
}

}  // namespace arzoo::runtime
