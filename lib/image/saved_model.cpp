#include "image/saved_model.h"

#include "core/atomic_file.h"
#include "runtime/safetensors.h"

namespace arzoo::image {

void save_model(const ModelFolder& folder, const torch::nn::Module& model,
                std::optional<at::ScalarType> type) {
  std::filesystem::create_directories(folder.path);
  write_atomically(folder.path / "config.json", dump_json(folder_json(folder), 2) + "\n");
  auto tensors = runtime::state_dict(model).entries();
  for (auto& [name, tensor] : tensors) {
    if (type && tensor.is_floating_point()) tensor = tensor.to(*type);
  }
  runtime::write_safetensors(folder.path / "model.safetensors", tensors, {{"format", "pt"}});
}

}  // namespace arzoo::image
